/** How many runners a pool wants, and how many of them are to be started now. */

export interface PoolLoad {
  /** Jobs that wait for a runner. */
  readonly waiting: number;
  /** Jobs that have one. */
  readonly running: number;
  /** Runners that are there and have a job or may take one. */
  readonly present: number;
  /** Tokens of one-job runners that were made, hold, and were not shown yet. */
  readonly starting: number;
}

export interface PoolBounds {
  /** Kept also when nothing waits. */
  readonly minimum: number;
  /** Never more, whatever waits. At least `minimum`. */
  readonly maximum: number;
  /** Beyond one for each job. */
  readonly spare: number;
}

/**
 * One for each job and the spare ones, not below the minimum and never above the maximum. (Vespene’s manual has the two the
 * other way round, `min(max(n, maximum), minimum)`, which is the minimum whatever waits.)
 */
export function desiredRunners(
  { waiting, running }: Pick<PoolLoad, 'waiting' | 'running'>,
  { minimum, maximum, spare }: PoolBounds,
): number {
  return Math.max(minimum, Math.min(maximum, waiting + running + spare));
}

/** What is missing of the desired number when those that are on their way have come. */
export function runnersToStart(load: PoolLoad, bounds: PoolBounds): number {
  return Math.max(0, desiredRunners(load, bounds) - load.present - load.starting);
}
