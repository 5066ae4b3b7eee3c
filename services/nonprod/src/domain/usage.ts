/** What was used of machines and store, and whose it is. */

export interface Used {
  /** Runs that were started. */
  readonly builds: number;
  /** For which runners had a job, over all of its attempts. */
  readonly seconds: number;
}

export interface UsageRow extends Used {
  /** Name, person, group, pool or day; '' for what is nobody's. */
  readonly key: string;
}

/** Bytes that are kept now; the same bytes of one repository count once. */
export interface Stored {
  readonly artifacts: number;
  readonly logs: number;
  readonly caches: number;
}

export interface RepositoryUsage extends UsageRow {
  /** Groups that own it. */
  readonly groups: readonly string[];
  readonly stored: Stored;
}

export const storedBytes = ({ artifacts, logs, caches }: Stored): number =>
  artifacts + logs + caches;

/**
 * By group, the most used first. A repository of two groups stands in full in both, so these sums may be more than the total;
 * what no group owns stands under ''.
 */
export function groupUsage(repositories: readonly RepositoryUsage[]): UsageRow[] {
  const sums = new Map<string, { builds: number; seconds: number }>();
  for (const { groups, builds, seconds } of repositories) {
    for (const group of groups.length === 0 ? [''] : groups) {
      const sum = sums.get(group) ?? { builds: 0, seconds: 0 };
      sum.builds += builds;
      sum.seconds += seconds;
      sums.set(group, sum);
    }
  }
  return [...sums]
    .map(([key, sum]) => ({ key, ...sum }))
    .sort((a, b) => b.seconds - a.seconds || b.builds - a.builds || (a.key < b.key ? -1 : 1));
}

const dayMs = 86_400_000;
/** Days that one question may be about. */
export const mostDays = 366;

export interface Days {
  /** First and last day (UTC), such as 2026-11-22; both count. */
  readonly since: string;
  readonly until: string;
}

/** What is asked for, up to today and 30 days long where nothing is said; a string: why it is no such time. */
export function usageDays(
  { since, until }: { readonly since: string | null; readonly until: string | null },
  now: Date,
): Days | string {
  const last = until ?? dayOf(now);
  const first = since ?? dayOf(new Date(Date.parse(last) - 29 * dayMs));
  if (first > last) return `since: ${first} is later than ${last}`;
  const days = (Date.parse(last) - Date.parse(first)) / dayMs + 1;
  if (days > mostDays) return `since: ${first} to ${last} is ${days} days, at most ${mostDays}`;
  return { since: first, until: last };
}

const dayOf = (at: Date): string => at.toISOString().slice(0, 10);
