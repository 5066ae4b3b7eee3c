export type GroupLimits = {
  /** Of everything in the sandbox together, files in its memory included; swap is not given. */
  readonly memoryBytes: number;
  readonly processes: number;
  /** Processors' worth of time, such as 1.5; left out: no bound. */
  readonly cpus?: number | undefined;
};

export type Exceeded = 'memory' | 'processes';

export type ControlGroup = {
  /** Program and arguments that put what follows them into the group. */
  readonly prefix: readonly string[];
  /** What the kernel enforces, such as `memory:cgroup-v1`. */
  readonly words: readonly string[];
  /** What was wanted and not given so far, as the kernel counted it; empty where it does not say. */
  exceeded(): Exceeded[];
  /** Kills what is left in it and removes it. */
  remove(): Promise<void>;
};
