import {
  desiredRunners,
  runnersToStart,
  type PoolBounds,
  type PoolLoad,
} from '../domain/pool-size.ts';

/** What an executor is told, as JSON on its standard input: tokens stand in no list of processes. */
export interface ExecutorOrder {
  readonly pool: string;
  /** How many the pool wants in all. */
  readonly wanted: number;
  /** Of a machine, as the configuration says it; null: not said. */
  readonly size: string | null;
  /** Where the machines join. */
  readonly url: string;
  /** One for each machine to be started. Each is for one machine and one job. */
  readonly tokens: readonly string[];
}

interface Pending {
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Has runners of one job each started for what waits in a pool. Tokens of a call that failed are given to the next one: what
 * fails again and again makes no more of them.
 */
export function createStartRunners(
  ports: {
    load(pool: string): Promise<PoolLoad>;
    /** A join token for one job. @throws RunnerEdgeError. */
    newToken(pool: string): Promise<Pending>;
    /** @throws Error when the command fails; its message says how. */
    execute(order: ExecutorOrder): Promise<void>;
    readonly clock: () => Date;
    onStarted(pool: string, count: number, wanted: number): void;
  },
  settings: PoolBounds & {
    readonly pool: string;
    readonly size: string | null;
    /** Most that are started by one call. */
    readonly atOnce: number;
    readonly url: string;
  },
): () => Promise<void> {
  const { pool, size, atOnce, url } = settings;
  let pending: readonly Pending[] = [];
  return async () => {
    const load = await ports.load(pool);
    const wanted = desiredRunners(load, settings);
    const now = ports.clock();
    pending = pending
      .filter(({ expiresAt }) => expiresAt > now)
      .slice(0, Math.max(0, wanted - load.present));
    if (pending.length === 0) {
      const count = Math.min(atOnce, runnersToStart(load, settings));
      for (let made = 0; made < count; made += 1) {
        pending = [...pending, await ports.newToken(pool)];
      }
    }
    if (pending.length === 0) return;
    await ports.execute({ pool, wanted, size, url, tokens: pending.map(({ token }) => token) });
    ports.onStarted(pool, pending.length, wanted);
    pending = [];
  };
}
