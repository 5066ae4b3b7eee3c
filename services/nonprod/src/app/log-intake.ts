/** Pieces of logs as runners send them. A log belongs to its lease, so that a runner that was replaced can spoil nothing. */
import type { LogChunk, LogWriter } from './log-ports.ts';
import type { JobStore, LeaseProofOf } from './ports.ts';

/** A lease that held is asked about again after this: a late piece only ever reaches the log of its own attempt. */
const askAgainMs = 1_000;
const maxRemembered = 10_000;

export interface LogIntake {
  /** Up to where everything is decided and kept. A log of a step that the plan does not have is nobody's, and is not begun. */
  take(
    proof: LeaseProofOf,
    step: string,
    chunk: LogChunk,
  ): Promise<number | 'lease-lost' | 'no-such-step'>;
}

export function createLogIntake(ports: {
  readonly jobs: Pick<JobStore, 'startStep'>;
  readonly logs: Pick<LogWriter, 'append'>;
  /** Milliseconds of a clock that only runs forward. */
  readonly clock: () => number;
}): LogIntake {
  const { jobs, logs, clock } = ports;
  const held = new Map<string, number>();
  return {
    async take(proof, step, chunk) {
      const key = `${proof.jobId} ${proof.lease} ${proof.runner} ${step}`;
      const askedAt = held.get(key);
      if (askedAt === undefined || clock() - askedAt > askAgainMs) {
        held.delete(key);
        const word = await jobs.startStep(proof, step);
        if (word !== 'started') return word;
        held.set(key, clock());
        for (const oldest of held.keys()) {
          if (held.size <= maxRemembered) break;
          held.delete(oldest);
        }
      }
      if (chunk.isEnd) held.delete(key);
      return await logs.append({ jobId: proof.jobId, lease: proof.lease, step }, chunk);
    },
  };
}
