import { authenticity, identityOf, type Headers } from '@airlock/common/webhook/signature';
import type { IntakeAnswer, TakeDelivery } from '@airlock/process/webhook-intake';
import { SpoolError, type Spool } from './spool.ts';

/** What nonprod needs to check the delivery again; nothing else of the request is kept. */
const kept =
  /^(x-github-|x-hub-signature|x-gitea-|x-forgejo-|x-gitlab-|webhook-|idempotency-key$|x-event-key$|x-request-)/;

/** Spools what is signed; a spool that is full is the forge's reason to send again. */
export function createTake(spool: Pick<Spool, 'add'>): TakeDelivery {
  return async ({ hook, headers, body, at, from }): Promise<IntakeAnswer> => {
    const judged = authenticity(hook.provider, { headers, body, at }, hook.secret);
    if (!judged.authentic) return { status: 403, code: judged.code, detail: judged.why };
    const identity = identityOf(hook.provider, headers);
    if ('missing' in identity) {
      const detail = `${identity.missing} is missing or malformed`;
      return { status: 400, code: 'header-missing', detail };
    }
    try {
      await spool.add({
        provider: hook.provider,
        repository: hook.repository,
        headers: keptOf(headers),
        body: Buffer.from(body).toString('base64'),
        at: at.toISOString(),
        from,
      });
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      return {
        status: 503,
        code: 'spool-full',
        detail: 'too much waits here; send it again later',
      };
    }
    return { status: 202, code: 'taken', detail: 'on disk' };
  };
}

function keptOf(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value !== undefined && value.length <= 4096 && kept.test(name) ? [[name, value]] : [],
    ),
  );
}
