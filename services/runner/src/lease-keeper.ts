import { setTimeout as sleep } from 'node:timers/promises';
import type { HeartbeatAnswer } from '@airlock/common/wire/runner-protocol';
import { isLeaseLost } from './api/answers.ts';

export type LeaseKeeper = {
  /** Aborted when the lease does not hold any more: the job may be running elsewhere from now on. */
  lost: AbortSignal;
  /** Aborted when somebody cancelled the run: the lease holds until the job is reported or it runs out. */
  cancelled: AbortSignal;
  stop(): void;
};

/**
 * Sends a heartbeat at a third of the lease. A lease is lost when the server says so, and also after a whole lease without an
 * answer: by then the server has given the job to another.
 */
export function keepLease(
  leaseSeconds: number,
  heartbeat: (signal: AbortSignal) => Promise<HeartbeatAnswer>,
): LeaseKeeper {
  const lost = new AbortController();
  const cancelled = new AbortController();
  const stopped = new AbortController();
  // Whole: AbortSignal.timeout takes nothing else.
  const everyMs = Math.floor((leaseSeconds * 1000) / 3);
  async function beat(): Promise<void> {
    let heldUntil = performance.now() + leaseSeconds * 1000;
    while (!stopped.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => {});
      const askedAt = performance.now();
      try {
        const answer = await heartbeat(
          AbortSignal.any([stopped.signal, AbortSignal.timeout(everyMs)]),
        );
        if (answer.cancelled) cancelled.abort();
        heldUntil = askedAt + leaseSeconds * 1000;
      } catch (error) {
        if (isLeaseLost(error) || performance.now() >= heldUntil) {
          lost.abort();
          return;
        }
      }
    }
  }
  void beat();
  return {
    lost: lost.signal,
    cancelled: cancelled.signal,
    stop: () => {
      stopped.abort();
    },
  };
}
