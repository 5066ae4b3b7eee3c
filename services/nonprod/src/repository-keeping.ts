/** Wires the scheduler's look at every repository: one loop each, so that one that cannot be fetched holds up no other. */
import type { Loop } from '@airlock/process/loop';
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { openFetchingMirror, type MirrorPlaces } from './adapters/git/source-mirrors.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createHeadStore } from './adapters/postgres/head-store.ts';
import { createRepositoryKeeping } from './adapters/postgres/repository-store.ts';
import { createRunRequestQueue } from './adapters/postgres/run-request-queue.ts';
import { createPollRepository } from './app/poll-repository.ts';
import type { Bell, SourceMirror } from './app/ports.ts';
import type { Prepared, RunWish } from './app/prepare-run.ts';
import type { RepositoryRow } from './app/source-ports.ts';
import type { SchedulerConfig } from './config.ts';
import { addressFault } from './domain/repository-address.ts';
import type { Events } from './events.ts';

/** A repository that was added is looked at within this time. */
const watchMs = 3_000;
/** How old what the page says of the last look may be. */
const lookedMs = 15_000;

export interface RepositoryWatch {
  /** Looks at one repository now, or at all. */
  wake(name: string | null): void;
  done(): Promise<void>;
}

interface Watched {
  row: RepositoryRow;
  mirror: SourceMirror;
  readonly loop: Loop;
  lookedAt: number;
  failing: string | null;
}

export function watchRepositories(options: {
  readonly db: Database;
  readonly places: MirrorPlaces;
  readonly config: SchedulerConfig;
  readonly runtime: Pick<Runtime, 'log' | 'signal'>;
  readonly jobs: Bell;
  readonly events: Events;
  readonly prepareRun: (wish: RunWish) => Promise<Prepared>;
}): RepositoryWatch {
  const { db, places, config, jobs, events, prepareRun } = options;
  const { log, signal } = options.runtime;
  const repositories = createRepositoryKeeping(db);
  const ports = { heads: createHeadStore(db), requests: createRunRequestQueue(db), jobs, events };
  const watched = new Map<string, Watched>();
  const { firstSight, git } = config;

  const mirrorOf = (row: RepositoryRow): SourceMirror =>
    openFetchingMirror(places, row, git.protocols);

  /** What people added is held against the configuration each time: it may allow less than when it was added. */
  function refuseAddress({ configured, cloneUrl }: RepositoryRow): void {
    const fault = configured ? null : addressFault(cloneUrl, config.repositories?.from ?? []);
    if (fault !== null) throw new Error(fault);
  }

  async function look(each: Watched): Promise<void> {
    const { row } = each;
    let failing: string | null = null;
    try {
      refuseAddress(row);
      await createPollRepository(
        { ...ports, mirror: each.mirror, prepareRun },
        { repository: row, firstSight },
      )();
    } catch (error) {
      failing = (error instanceof Error ? error.message : String(error)).slice(0, 500);
      throw error;
    } finally {
      if (failing !== each.failing || performance.now() - each.lookedAt > lookedMs) {
        each.failing = failing;
        each.lookedAt = performance.now();
        await repositories.looked(row.name, failing);
      }
    }
  }

  function begin(row: RepositoryRow): void {
    const each: Watched = {
      row,
      mirror: mirrorOf(row),
      lookedAt: -Infinity,
      failing: null,
      loop: startLoop({
        name: row.configured ? 'poll-repository' : `poll-repository ${row.name}`,
        intervalMs: git.pollSeconds * 1000,
        signal,
        log,
        // Where pushes come by the hundred, fetching for each takes what taking them in needs.
        rest: 4,
        run: () => look(each),
      }),
    };
    watched.set(row.name, each);
  }

  const watch = startLoop({
    name: 'watch-repositories',
    intervalMs: watchMs,
    signal,
    log,
    async run() {
      for (const row of await repositories.list()) {
        const known = watched.get(row.name);
        if (known === undefined) {
          begin(row);
          continue;
        }
        if (known.row.cloneUrl !== row.cloneUrl) known.mirror = mirrorOf(row);
        known.row = row;
      }
    },
  });

  return {
    wake(name) {
      if (name !== null && !watched.has(name)) watch.wake();
      for (const each of watched.values()) {
        if (name === null || each.row.name === name) each.loop.wake();
      }
    },
    async done() {
      await watch.done;
      await Promise.all([...watched.values()].map(({ loop }) => loop.done));
    },
  };
}
