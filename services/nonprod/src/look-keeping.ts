/** Wires the look at what jobs leave, on the web process's side: it alone reads logs. */
import type { Database } from './adapters/postgres/client.ts';
import { createLookStore } from './adapters/postgres/look-store.ts';
import type { LogReader } from './app/log-ports.ts';
import { createLookAtJob, type LookAtJob } from './app/look-at-job.ts';
import type { Events } from './events.ts';

export function keepLooks(options: {
  readonly db: Database;
  readonly logs: LogReader;
  readonly events: Events;
}): LookAtJob {
  const { db, logs, events } = options;
  return createLookAtJob({ looks: createLookStore(db), logs, events, clock: () => new Date() });
}
