/** Wires the scheduler's look at organisations: one loop each, so that a forge that is away holds up no other. */
import { matchesGlob } from '@airlock/pipeline/glob';
import { startLoop, type Loop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { createForgeLister } from './adapters/forge/list-repositories.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createFoundStore } from './adapters/postgres/found-store.ts';
import { createFindRepositories } from './app/find-repositories.ts';
import type { SchedulerConfig } from './config.ts';
import { createFoundEvents } from './found-events.ts';
import { sourceName } from './organisation-config.ts';

/** @throws ConfigurationError when a token cannot be read. */
export async function keepFound(
  config: Pick<SchedulerConfig, 'organisations' | 'repositories'>,
  options: {
    readonly db: Database;
    readonly runtime: Pick<Runtime, 'log' | 'signal'>;
    readonly onAdded: (repository: string) => void;
  },
): Promise<Loop[]> {
  const { db, onAdded } = options;
  const { log, signal } = options.runtime;
  const store = createFoundStore(db);
  const events = createFoundEvents(log);
  const list = config.organisations?.list ?? [];
  await store.ensureSources(list.map((each) => ({ ...each, name: sourceName(each) })));
  return list.map((each) => {
    const source = sourceName(each);
    return startLoop({
      ...{ name: `find-repositories ${source}`, signal, log },
      intervalMs: (config.organisations?.everyMinutes ?? 0) * 60_000,
      run: createFindRepositories(
        {
          ...{ lister: createForgeLister(each), store, events, signal, onAdded },
          matches: matchesGlob,
          clock: () => new Date(),
        },
        { source, rules: each.add, from: config.repositories?.from ?? [] },
      ),
    });
  });
}
