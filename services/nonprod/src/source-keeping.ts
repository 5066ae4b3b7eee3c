/** Wires what people do with repositories, runs by hand and schedules, on the web process's side. */
import { createDeliveryHistory } from './adapters/postgres/delivery-history.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createRepositoryStore } from './adapters/postgres/repository-store.ts';
import { createRunRequests } from './adapters/postgres/run-request-queue.ts';
import { createSightStore } from './adapters/postgres/sight-store.ts';
import { createScheduleStore } from './adapters/postgres/schedule-store.ts';
import type { PoolStore } from './app/pool-ports.ts';
import type { Bell, NewId } from './app/ports.ts';
import { createStartRun } from './app/start-run.ts';
import { lookAtOne } from './bells.ts';
import type { SourcePorts } from './http/routes/sources.ts';

export function keepSources(options: {
  readonly db: Database;
  readonly bell: Bell;
  readonly newId: NewId;
  readonly origin: string;
  readonly from: readonly string[];
  readonly secretOf: SourcePorts['secretOf'];
  readonly pools: Pick<PoolStore, 'list'>;
  readonly launchFile: (repository: string, commit: string) => Promise<string | null>;
}): SourcePorts {
  const { db, bell, newId, launchFile } = options;
  const repositories = createRepositoryStore(db);
  const requests = createRunRequests(db);
  return {
    origin: options.origin,
    from: options.from,
    secretOf: options.secretOf,
    repositories,
    sight: createSightStore(db),
    requests,
    startRun: createStartRun({ repositories, requests, launchFile, bell, newId }),
    schedules: createScheduleStore(db),
    history: createDeliveryHistory(db),
    async poolsOf(repository) {
      const all = await options.pools.list();
      return all
        .filter(
          ({ pool }) =>
            pool.everyone || (repository !== null && pool.repositories.includes(repository)),
        )
        .map(({ pool }) => pool.name);
    },
    onAdded(repository) {
      bell.ring(`${lookAtOne}${repository}`);
    },
  };
}
