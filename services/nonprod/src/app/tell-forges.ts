import { forgePlace, nextAttempt } from '../domain/commit-status.ts';
import type { Events } from '../events.ts';
import type { StatusOutbox, TellForge } from './status-ports.ts';

const batch = 50;

/**
 * Tells each forge how the runs of its repositories stand. What it was told is written down afterwards, so a crash in
 * between tells it twice, which every forge takes for one.
 */
export function createTellForges(
  ports: {
    readonly outbox: StatusOutbox;
    readonly forge: TellForge;
    readonly events: Pick<Events, 'statusFailed'>;
    readonly signal: AbortSignal;
  },
  settings: { readonly origin: string },
): () => Promise<void> {
  const { outbox, forge, events, signal } = ports;
  return async () => {
    for (const status of await outbox.due(batch)) {
      if (signal.aborted) return;
      const { runId, provider, verdict, commit, number, isPullRequest, why } = status;
      const place = forgePlace(status.cloneUrl);
      if (place === null || !forge.knows(provider, place.host)) {
        await outbox.failed(status, 'no forge is configured for this repository', null);
        continue;
      }
      const url = `${settings.origin}/runs/${runId}`;
      const news = { place, commit, verdict, number, isPullRequest, url, why };
      const answer = await forge.tell(provider, news, signal);
      if (answer.told) {
        await outbox.told(runId, verdict);
        continue;
      }
      const waitMs = nextAttempt(status.attempts + 1, answer.retryAfter);
      await outbox.failed(status, answer.why, waitMs);
      events.statusFailed({ runId, verdict, givenUp: waitMs === null }, answer.why);
    }
  };
}
