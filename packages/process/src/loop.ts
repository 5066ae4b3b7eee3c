import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, type Log } from './log.ts';

const longestBackoffMs = 30_000;
const longestRestMs = 1_000;

export type Loop = {
  /** Runs again at once, or right after the run in progress. While the loop is failing the backoff goes on. */
  wake(): void;
  /** Settles once `signal` is aborted and the run in progress has ended. Never rejects. */
  done: Promise<void>;
};

/**
 * Calls `run` again and again, never twice at a time: first at once, then `intervalMs` after each end.
 *
 * A failure is logged when it begins and when its code or message changes, not each time; the pause doubles up to
 * 30 s while it lasts, and the end of it is logged too.
 *
 * @param options.rest however often it is rung, as long as a run took passes until the next, 1 s at most, and twice as long
 *   each time that one was waiting by then, up to so many times as long: what is rung for meanwhile is done in one go.
 *   Default 0: it does not rest.
 */
export function startLoop(options: {
  name: string;
  intervalMs: number;
  signal: AbortSignal;
  log: Log;
  rest?: number;
  run(): Promise<void>;
}): Loop {
  const { name, intervalMs, signal, log, rest = 0 } = options;
  let wakeRequested = false;
  let interruptPause = (): void => {};
  let failing: string | null = null;
  let failures = 0;

  async function runOnce(): Promise<void> {
    try {
      await options.run();
      if (failing !== null) log.warn('loop.recovered', { loop: name, failures });
      failing = null;
      failures = 0;
    } catch (cause) {
      if (signal.aborted) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      const description = `${errorCode(error)}: ${error.message}`;
      if (description !== failing) log.error('loop.failing', { loop: name, error });
      failing = description;
      failures += 1;
    }
  }

  async function pause(): Promise<void> {
    const milliseconds =
      failures === 0
        ? intervalMs
        : Math.max(intervalMs, Math.min(intervalMs * 2 ** failures, longestBackoffMs));
    const interrupt = new AbortController();
    // A ring must not turn a failing loop into a busy one, so only a healthy pause can be cut short.
    interruptPause =
      failures === 0
        ? () => {
            interrupt.abort();
          }
        : () => {};
    const until = AbortSignal.any([signal, interrupt.signal]);
    try {
      await sleep(milliseconds, undefined, { signal: until });
    } catch (cause) {
      if (!until.aborted) throw cause;
    } finally {
      interruptPause = () => {};
    }
  }

  async function loop(): Promise<void> {
    // So that `run` may already use what startLoop returns.
    await Promise.resolve();
    let times = Math.min(1, rest);
    while (!signal.aborted) {
      wakeRequested = false;
      const began = performance.now();
      await runOnce();
      const ended = performance.now();
      const rested = ended + Math.min((ended - began) * times, longestRestMs);
      // Asked again: `wake` may have been called during the run.
      if (!isWakeRequested() || failures > 0) await pause();
      const left = rested - performance.now();
      times = Math.min(left > 0 ? times * 2 : 1, rest);
      if (left > 0) await sleep(left, undefined, { signal }).catch(() => undefined);
    }
  }

  // A function, because the compiler takes the assignment above for the last word.
  const isWakeRequested = (): boolean => wakeRequested;

  const done = loop();
  return {
    wake() {
      wakeRequested = true;
      interruptPause();
    },
    done,
  };
}
