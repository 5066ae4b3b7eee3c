import { launchVariables, parseLaunchFile } from '@airlock/pipeline/launch-file';
import type { Bell, NewId } from './ports.ts';
import type { RepositoryStore, RunRequests } from './source-ports.ts';
import { lookAtOne } from '../bells.ts';

export interface StartWish {
  readonly repository: string;
  /** Full ref of a branch or a tag. */
  readonly ref: string;
  /** By name of the field, as `.airlock/launch.yaml` at that ref asks for them. */
  readonly answers: Readonly<Record<string, string>>;
}

export type StartAnswer =
  | { readonly kind: 'asked'; readonly id: string; readonly commit: string }
  | { readonly kind: 'not-found'; readonly why: string }
  | { readonly kind: 'refused'; readonly reasons: readonly string[] };

/**
 * A run by hand. The form is read at the commit that the ref points at now, and the run is of that commit or of none: an
 * answer is never held against another form than the one that it was given to.
 */
export function createStartRun(ports: {
  readonly repositories: Pick<RepositoryStore, 'find'>;
  readonly requests: RunRequests;
  launchFile(repository: string, commit: string): Promise<string | null>;
  readonly bell: Bell;
  readonly newId: NewId;
}): (wish: StartWish, person: string) => Promise<StartAnswer> {
  return async ({ repository, ref, answers }, person) => {
    if ((await ports.repositories.find(repository)) === null) {
      return { kind: 'not-found', why: `There is no repository ${repository} here.` };
    }
    const commit = await ports.requests.head(repository, ref);
    if (commit === null || !/^[0-9a-f]{40}$/.test(commit)) {
      return { kind: 'not-found', why: `${repository} has no ${ref} as far as is known here.` };
    }
    const form = parseLaunchFile(await ports.launchFile(repository, commit));
    if (!form.ok) return { kind: 'refused', reasons: form.reasons };
    const launched = launchVariables(form.fields, answers);
    if (!launched.ok) return { kind: 'refused', reasons: launched.reasons };
    const id = ports.newId('run');
    await ports.requests.ask({
      ...{ id, repository, event: 'manual', ref, commit },
      ...{ pullRequest: null, deployTo: null, cron: null },
      variables: launched.variables,
      askedBy: person,
      retryOf: null,
      onlyFailed: false,
    });
    ports.bell.ring(`${lookAtOne}${repository}`);
    return { kind: 'asked', id, commit };
  };
}
