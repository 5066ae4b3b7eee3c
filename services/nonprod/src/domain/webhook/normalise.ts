import type { Provider } from '@airlock/common/webhook/provider';
import { fromBitbucketServer } from './bitbucket-server.ts';
import { fromBitbucket } from './bitbucket.ts';
import type { ForgeEvent, Payload, PayloadRepository } from './forge-event.ts';
import { fromGitea, fromGithub } from './github.ts';
import { fromGitlab } from './gitlab.ts';

const readers: Readonly<Record<Provider, (payload: Payload) => ForgeEvent>> = {
  github: fromGithub,
  gitlab: fromGitlab,
  gitea: fromGitea,
  bitbucket: fromBitbucket,
  'bitbucket-server': fromBitbucketServer,
};

/** Without NUL, which PostgreSQL keeps in no text: one title with it would stand before every other delivery for ever. */
function parse(text: string): unknown {
  if (!text.includes('\\u0000')) return JSON.parse(text);
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value,
  );
}

/** What a verified delivery says. Never throws: what cannot be read is refused, with the field's name. */
export function normalise(provider: Provider, event: string, body: Uint8Array): ForgeEvent {
  let json: unknown;
  try {
    json = parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return {
      kind: 'refused',
      code: 'payload-malformed',
      why: `${event}: the body is not JSON; choose the content type application/json at the webhook`,
    };
  }
  return readers[provider]({ event, json });
}

/** `https://u@GIT.example/Shop/web.git/`, `git@git.example:shop/web` and `ssh://git@git.example:22/shop/web` are one place. */
function placeOf(url: string): string {
  const scp = /^[\w.-]+@([\w.-]+):(?!\/)(.+)$/.exec(url);
  const text = scp === null ? url : `ssh://${scp[1] ?? ''}/${scp[2] ?? ''}`;
  const parts = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?([^/:]*)(?::\d+)?(\/.*)$/i.exec(text);
  const place = parts === null ? text : `${parts[1] ?? ''}${parts[2] ?? ''}`;
  return place
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .toLowerCase();
}

/** Whether a payload is about this repository: by one of its addresses, or by its full name where that is its name here. */
export function isAbout(
  payload: PayloadRepository,
  repository: { readonly name: string; readonly url: string; readonly cloneUrl: string },
): boolean {
  const ours = new Set([placeOf(repository.url), placeOf(repository.cloneUrl)]);
  return (
    payload.urls.some((url) => ours.has(placeOf(url))) ||
    payload.fullName.toLowerCase() === repository.name.toLowerCase()
  );
}
