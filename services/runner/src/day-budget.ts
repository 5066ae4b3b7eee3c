/**
 * What this runner gives away in a day, by its own count and whatever nonprod says: a server that somebody has taken over must
 * not make it build forever (Wiegley, “Securing the Buildbot”). The count outlives the process.
 */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

type Limits = { readonly builds: number; readonly minutes: number };
export type DayLimits = Limits & {
  readonly repository: Pick<Limits, 'builds'> & { readonly minutes?: number | undefined };
};

const Spent = z.strictObject({
  builds: z.int().nonnegative(),
  seconds: z.number().nonnegative(),
});
const Count = z.strictObject({
  /** UTC, `YYYY-MM-DD`. */
  day: z.string().regex(/^\d{4}-\d\d-\d\d$/),
  all: Spent,
  /** By the SHA-256 of their URL: the names are the server's. */
  repositories: z.record(z.string(), Spent),
  /** A build whose end is not counted yet, and may never be if the process is killed. */
  running: z
    .strictObject({ repository: z.string(), since: z.iso.datetime(), most: z.number() })
    .nullable(),
});
type Count = z.infer<typeof Count>;

/** A server that makes up names of repositories gets no more than these counted, and no other built. */
const mostRepositories = 1_000;

export interface DayBudget {
  /** Why no work is to be asked for now; null when it is. */
  spent(): Promise<string | null>;
  /**
   * Counts a build that begins.
   *
   * @returns how long it may take, in seconds, or why it may not begin.
   */
  begin(url: string): Promise<{ readonly seconds: number } | { readonly refused: string }>;
  /** Counts what the build took that began last; at its start, what a process before it did not count. */
  end(): Promise<void>;
}

/** @param file of this runner alone, out of reach of builds; made when it is not there. */
export function createDayBudget(file: string, limits: DayLimits, now: () => Date): DayBudget {
  const nothing = { builds: 0, seconds: 0 };

  /** As it is at this moment. @throws what keeps it from being known: then nothing is built. */
  async function counted(): Promise<Count> {
    const today = now().toISOString().slice(0, 10);
    const empty = { day: today, all: nothing, repositories: {}, running: null };
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
      throw cause;
    });
    const known = text === null ? empty : Count.parse(JSON.parse(text));
    // A clock that was put back begins no day anew; what runs across midnight goes on counting.
    const running = known.day < today ? sinceMidnight(known.running, today) : known.running;
    return settled(known.day < today ? { ...empty, running } : known, now());
  }

  async function keep(count: Count): Promise<void> {
    await writeFile(`${file}.new`, JSON.stringify(count), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** Seconds that are left, or which limit is reached. */
  function left(spent: z.infer<typeof Spent>, { builds, minutes }: Limits) {
    if (spent.builds >= builds) return `${builds} builds`;
    const seconds = minutes * 60 - spent.seconds;
    return seconds > 0 ? seconds : `${minutes} minutes`;
  }

  const unknown = (cause: unknown): string =>
    `what this runner has built today cannot be read or kept in ${file} (${cause instanceof Error ? cause.message : String(cause)}); see to it on the runner’s host, and remove the file if it is damaged`;
  const over = (whose: string, what: string, key: string): string =>
    `this runner gives ${whose} ${what} a day, and they are used up until midnight UTC (${key} of its configuration)`;

  return {
    async spent() {
      try {
        const rest = left((await counted()).all, limits);
        return typeof rest === 'string' ? over('everybody together', rest, 'budget') : null;
      } catch (cause) {
        return unknown(cause);
      }
    },

    async begin(url) {
      try {
        const count = await counted();
        const repository = sha256Hex(Buffer.from(url));
        const own = count.repositories[repository] ?? nothing;
        const all = left(count.all, limits);
        if (typeof all === 'string') return { refused: over('everybody together', all, 'budget') };
        const { builds, minutes = limits.minutes } = limits.repository;
        const rest = left(own, { builds, minutes });
        if (typeof rest === 'string') {
          return { refused: over('one repository', rest, 'budget.repository') };
        }
        const isNew = count.repositories[repository] === undefined;
        if (isNew && Object.keys(count.repositories).length >= mostRepositories) {
          return {
            refused: `this runner builds at most ${mostRepositories} repositories a day`,
          };
        }
        const seconds = Math.min(all, rest);
        await keep({
          ...count,
          all: { ...count.all, builds: count.all.builds + 1 },
          repositories: {
            ...count.repositories,
            [repository]: { ...own, builds: own.builds + 1 },
          },
          running: { repository, since: now().toISOString(), most: seconds },
        });
        return { seconds };
      } catch (cause) {
        return { refused: unknown(cause) };
      }
    },

    async end() {
      // What cannot be kept now is counted by the next that begins, or keeps it from beginning.
      await counted()
        .then((count) => keep({ ...count, running: null }))
        .catch(() => {});
    },
  };
}

function sinceMidnight(running: Count['running'], today: string): Count['running'] {
  if (running === null) return null;
  const midnight = `${today}T00:00:00.000Z`;
  const before = (Date.parse(midnight) - Date.parse(running.since)) / 1000;
  return { ...running, since: midnight, most: Math.max(running.most - before, 0) };
}

/** With what the build took that was running, also where the process that ran it was killed. */
function settled(count: Count, now: Date): Count {
  const { running, all, repositories } = count;
  if (running === null) return count;
  const passed = (now.getTime() - Date.parse(running.since)) / 1000;
  const seconds = Math.min(Math.max(passed, 0), running.most);
  const own = repositories[running.repository] ?? { builds: 0, seconds: 0 };
  return {
    ...count,
    all: { ...all, seconds: all.seconds + seconds },
    repositories: {
      ...repositories,
      [running.repository]: { ...own, seconds: own.seconds + seconds },
    },
    running: null,
  };
}
