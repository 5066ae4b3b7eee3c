/** What every bench shares: the form of a figure, and measuring beside a floor instead of alone. */

/** One figure. It counts only beside what was measured in the same run: `peer` or `limit`, in the unit of `value`. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What another tool reaches with the same work. */
  readonly peer?: number;
  /** The floor: the least code that does the same work. */
  readonly limit?: number;
  /** `value` by `limit`, or by `peer` where there is no limit. */
  readonly ratio?: number;
};

/** The middle of the samples; between the two middle ones where their number is even. @throws RangeError for none. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper;
  if (upper === undefined || lower === undefined) throw new RangeError('a sample or more expected');
  return (lower + upper) / 2;
}

/** What 95 of 100 samples do not exceed; NaN for none. */
export function p95(samples: readonly number[]): number {
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}

/**
 * Runs every work once a round, so that a busy machine slows all of them alike; every second round runs backwards, so
 * that none always follows the same neighbour. One round more is run first and thrown away.
 *
 * @param works each gives its sample, in the unit that the caller compares.
 * @returns the samples of each work, one a round.
 */
export async function interleave<Name extends string>(
  rounds: number,
  works: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Record<Name, readonly number[]>> {
  // Object.keys forgets which names they are.
  const names = Object.keys(works) as Name[];
  // Filled for every name in the next line.
  const samples = {} as Record<Name, number[]>;
  for (const name of names) samples[name] = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await works[name]();
      if (round > 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** How often a second of this process's CPU time (user and system) does the work; waiting costs nothing. */
export function perCpuSecond(times: number, work: () => void): number {
  const before = process.cpuUsage();
  for (let time = 0; time < times; time += 1) work();
  const { user, system } = process.cpuUsage(before);
  return times / ((user + system) / 1e6);
}
