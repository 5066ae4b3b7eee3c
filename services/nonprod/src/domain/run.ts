/**
 * A run: one commit of one ref, built once.
 *
 *   held ──► queued ──► running ──► passed
 *     │        │  ▲        │ └────► failed
 *     └────────┴──┼────────┴──────► cancelled
 *                 └── the runner was lost: a new attempt
 *
 * One of which nothing is left to make, as where a retry keeps every job, passes out of the queue.
 */
export const runStates = ['queued', 'running', 'passed', 'failed', 'cancelled', 'held'] as const;
export type RunState = (typeof runStates)[number];

const next: Readonly<Record<RunState, readonly RunState[]>> = {
  held: ['queued', 'cancelled'],
  queued: ['running', 'passed', 'failed', 'cancelled'],
  running: ['queued', 'passed', 'failed', 'cancelled'],
  passed: [],
  failed: [],
  cancelled: [],
};

export function mayBecome(from: RunState, to: RunState): boolean {
  return next[from].includes(to);
}

/** The states out of which `to` can be reached: the guard of every update that sets it. */
export function predecessorsOf(to: RunState): RunState[] {
  return runStates.filter((from) => mayBecome(from, to));
}

/** How signed statements name a run: its page. */
export function invocationIdOf(origin: string, runId: string): string {
  return `${origin}/runs/${runId}`;
}

export function isFinished(state: RunState): boolean {
  return next[state].length === 0;
}

export const stepStates = [
  'queued',
  'running',
  'passed',
  'failed',
  'skipped',
  'timed-out',
  'cancelled',
] as const;
export type StepState = (typeof stepStates)[number];
