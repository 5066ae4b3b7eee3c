/** Wires what people do with runs that are there, on the web process's side. */
import type { Database } from './adapters/postgres/client.ts';
import { createCancelStore } from './adapters/postgres/cancel-store.ts';
import { createReviewStore } from './adapters/postgres/review-store.ts';
import { createRetryStore } from './adapters/postgres/retry-store.ts';
import { createCancelRun } from './app/cancel-run.ts';
import type { Bell, NewId } from './app/ports.ts';
import { createReviewRun } from './app/review-run.ts';
import { createRetryRun } from './app/retry-run.ts';
import type { Events } from './events.ts';
import type { RunLifePorts } from './http/routes/run-life.ts';

export function keepRuns(options: {
  readonly db: Database;
  readonly bell: Bell;
  readonly newId: NewId;
  readonly events: Events;
}): RunLifePorts {
  const { db, bell, newId, events } = options;
  return {
    cancelRun: createCancelRun({ runs: createCancelStore(db), bell, events }),
    reviewRun: createReviewRun({ reviews: createReviewStore(db), events }),
    retryRun: createRetryRun({ runs: createRetryStore(db), bell, newId }),
  };
}
