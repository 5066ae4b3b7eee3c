/** Wires the registry of runners: who comes in, who may speak, who is looked for no more. The web process alone calls it. */
import { randomBytes } from 'node:crypto';
import type { DatabasePool } from '@airlock/database/pool';
import { joinToken } from '@airlock/common/wire/runner-enrolment';
import type { Log } from '@airlock/process/log';
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import type { MachineListener } from '@airlock/process/machine-server';
import { createExecutor } from './adapters/executor.ts';
import { createPoolLoad } from './adapters/postgres/pool-load.ts';
import { createRunnerStore } from './adapters/postgres/runner-store.ts';
import { openRunnerAuthority } from './adapters/runner-edge/authority.ts';
import { createEnrolRunners, type EnrolRunners, type PoolRule } from './app/enrol-runners.ts';
import { createLookAfterRunners, type LookAfterRunners } from './app/look-after-runners.ts';
import type { PoolStore } from './app/pool-ports.ts';
import { platformOf, takesOneJob } from './domain/pool.ts';
import type { NewId } from './app/ports.ts';
import type { RunnerAuthority, RunnerStore } from './app/runner-ports.ts';
import { createStartRunners } from './app/start-runners.ts';
import { startEnrolmentServer } from './http/enrolment-server.ts';
import { createRunnerGuard, type RunnerGuard } from './http/runner-guard.ts';
import type { ExecutorSettings, RunnerEdgeSettings } from './runner-config.ts';
import { createRunnerEvents } from './runner-events.ts';

const hourMs = 3_600_000;
/** What another process barred is cut within this time; a new call of it is refused at once. */
const cutIntervalMs = 5_000;
/** So soon after a job began to wait a machine is started for it. */
const executorIntervalMs = 5_000;

export interface Fleet {
  readonly guard: RunnerGuard;
  readonly enrol: EnrolRunners;
  readonly lookAfter: LookAfterRunners;
  readonly runners: RunnerStore;
  /** Null when there is no such pool. */
  readonly poolRule: (pool: string) => Promise<PoolRule | null>;
}

export interface RunnerKeeping extends Fleet {
  /** What somebody needs to bring a runner here. */
  readonly join: { readonly url: string; readonly serverKey: string };
}

export function createFleet(options: {
  readonly authority: RunnerAuthority;
  /** Where runners reach the runner API. */
  readonly url: string;
  /** Pools whose runners come in with their token alone, below trust 2. */
  readonly acceptByToken: readonly string[];
  readonly pool: DatabasePool;
  readonly pools: Pick<PoolStore, 'find'>;
  readonly newId: NewId;
  readonly clock: () => Date;
  readonly log: Log;
}): Fleet {
  const { authority, url, acceptByToken, pools, newId, clock, log } = options;
  const runners = createRunnerStore(options.pool);
  const events = createRunnerEvents({ log, runners, clock });
  const guard = createRunnerGuard({
    ...{ runners, events, clock },
    onCloned: (clone) => lookAfter.cloned(clone),
  });
  const { cut } = guard;
  const lookAfter = createLookAfterRunners({ runners, events, clock, cut });
  const poolRule = async (name: string): Promise<PoolRule | null> => {
    const found = (await pools.find(name))?.pool;
    if (found === undefined) return null;
    const byToken = found.trust < 2 && acceptByToken.includes(name);
    return {
      accept: byToken ? 'token' : 'person',
      once: takesOneJob(found),
      platform: platformOf(found),
    };
  };
  const enrol = createEnrolRunners({
    ...{ runners, authority, events, newId, clock, poolRule, url },
    newSecret: () => randomBytes(32).toString('base64url'),
    onReplaced: cut,
  });
  return { guard, enrol, lookAfter, runners, poolRule };
}

/** @throws ConfigurationError when the authority's files do not fit or a port is taken. */
export async function keepRunners(options: {
  readonly settings: RunnerEdgeSettings;
  readonly listener: MachineListener;
  readonly pool: DatabasePool;
  readonly pools: Pick<PoolStore, 'find'>;
  readonly runtime: Runtime;
  readonly newId: NewId;
}): Promise<RunnerKeeping> {
  const { settings, listener, pool, pools, runtime, newId } = options;
  const { log, signal } = runtime;
  const authority = await openRunnerAuthority({
    caFile: listener.caFile,
    ...settings.authority,
    lifetimeMs: settings.certificateHours * hourMs,
  });
  const { url, acceptByToken } = settings;
  const fleet = createFleet({
    ...{ authority, url, acceptByToken, pool, pools, newId, log },
    clock: () => new Date(),
  });

  const server = await startEnrolmentServer({
    listen: settings.enrolment,
    ...listener,
    ...{ enrol: fleet.enrol, log },
  });
  runtime.onClose(() => server.close());
  runtime.listening(server.url);

  const join = { url: settings.enrolment.url, serverKey: server.serverKey };
  const loops = [
    ...settings.executors.map((executor) =>
      startLoop({
        name: `start-runners ${executor.pool}`,
        intervalMs: executorIntervalMs,
        ...{ signal, log },
        run: startRunners(executor, { fleet, join, pool, log, signal }),
      }),
    ),
    startLoop({
      name: 'prune-runners',
      intervalMs: hourMs,
      ...{ signal, log },
      run: async () => {
        await fleet.lookAfter.prune(settings.staleDays, 'airlock');
      },
    }),
    startLoop({
      name: 'cut-barred-runners',
      intervalMs: cutIntervalMs,
      ...{ signal, log },
      run: () => fleet.guard.cutBarred(),
    }),
  ];
  runtime.onClose(async () => {
    await Promise.all(loops.map(({ done }) => done));
  });
  return { ...fleet, join };
}

/** One look at a pool, and one call of its executor when machines are missing. */
function startRunners(
  executor: ExecutorSettings,
  edge: {
    readonly fleet: Pick<Fleet, 'enrol' | 'poolRule'>;
    readonly join: RunnerKeeping['join'];
    readonly pool: DatabasePool;
    readonly log: Log;
    readonly signal: AbortSignal;
  },
): () => Promise<void> {
  const { fleet, join, pool, log, signal } = edge;
  const wish = { kind: 'once', runner: null, networks: [] } as const;
  return createStartRunners(
    {
      load: createPoolLoad(pool),
      async newToken(name) {
        if ((await fleet.poolRule(name))?.accept !== 'token') {
          throw new Error(
            `runners of pool ${name} do not come in with their token alone: it is not there or has trust 2 or more`,
          );
        }
        const { secret, expiresAt } = await fleet.enrol.token({ pool: name, ...wish }, 'airlock');
        return { token: joinToken.format(secret, join.serverKey), expiresAt };
      },
      execute: createExecutor(executor, signal),
      clock: () => new Date(),
      onStarted(name, count, wanted) {
        log.info('runners.started', {
          'airlock.pool': name,
          'airlock.pool.wanted': wanted,
          'airlock.runner.count': count,
        });
      },
    },
    { ...executor, url: join.url },
  );
}
