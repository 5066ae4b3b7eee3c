/** The authority's loop over reviews of break-glass deliveries. */
import { startLoop, type Loop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createCoSignatureStore } from './adapters/postgres/co-signature-store.ts';
import { recorder } from './adapters/postgres/ledger-store.ts';
import type { FactSources } from './app/fact-sources.ts';
import { createReviewPass } from './app/review-waiver.ts';

/** A review counts within this time, and the ledger's, after the last person signed. */
const passIntervalMs = 1_000;

type Kept = Pick<Runtime, 'log' | 'signal'> & { readonly database: GateDatabase };

/** The authority's: records the reviews that are made. */
export function keepReviews(
  { log, signal, database }: Kept,
  sources: Pick<FactSources, 'gate' | 'files' | 'passkeys' | 'proofs'>,
): Loop {
  const pass = createReviewPass({
    ...{ ...sources, recorder, transactor: database, ledger: sources.proofs.facts },
    ...{ signatures: createCoSignatureStore(database), clock: () => new Date() },
  });
  return startLoop({
    ...{ name: 'record-reviews', intervalMs: passIntervalMs, signal, log },
    async run() {
      for (const { delivery, people } of await pass()) {
        log.warn('break-glass.reviewed', { delivery, people });
      }
    },
  });
}
