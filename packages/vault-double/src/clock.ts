/** Where the stand-in takes its time from, so that a test can let fifteen minutes pass at once. Times in milliseconds. */
export type Clock = {
  now(): number;
  /** Runs `action` once at that time, or at once when it has passed. Returns what cancels it. */
  at(time: number, action: () => Promise<void>): () => void;
};

const longestTimer = 2 ** 31 - 1;

export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    at(time, action) {
      // A timer of more than 2^31-1 ms fires at once in Node, so a far time is approached in steps.
      let timer: NodeJS.Timeout;
      const arm = () => {
        const left = Math.max(0, time - Date.now());
        timer = setTimeout(
          () => {
            if (left > longestTimer) arm();
            else void action();
          },
          Math.min(left, longestTimer),
        );
        timer.unref();
      };
      arm();
      return () => {
        clearTimeout(timer);
      };
    },
  };
}

export type ManualClock = Clock & {
  /** Moves time on and runs everything that became due, in order; resolves when all of it is done. */
  advance(milliseconds: number): Promise<void>;
};

export function createManualClock(start: number = Date.now()): ManualClock {
  let current = start;
  const waiting = new Set<{ time: number; action: () => Promise<void> }>();
  return {
    now: () => current,
    at(time, action) {
      const entry = { time, action };
      waiting.add(entry);
      return () => {
        waiting.delete(entry);
      };
    },
    async advance(milliseconds) {
      const end = current + milliseconds;
      for (;;) {
        const next = [...waiting].sort((a, b) => a.time - b.time)[0];
        if (next === undefined || next.time > end) break;
        waiting.delete(next);
        current = Math.max(current, next.time);
        await next.action();
      }
      current = end;
    },
  };
}

/**
 * Real time that can also be moved on at once, for a process that is steered from outside. What waits becomes due earlier by as
 * much as was skipped.
 */
export function createSteeredClock(): ManualClock {
  const real = createSystemClock();
  let skipped = 0;
  const waiting = new Set<{ time: number; action: () => Promise<void>; cancel: () => void }>();
  const now = () => real.now() + skipped;
  const arm = (entry: { time: number; action: () => Promise<void>; cancel: () => void }) => {
    entry.cancel = real.at(entry.time - skipped, () => {
      waiting.delete(entry);
      return entry.action();
    });
  };
  return {
    now,
    at(time, action) {
      const entry = { time, action, cancel: () => {} };
      waiting.add(entry);
      arm(entry);
      return () => {
        entry.cancel();
        waiting.delete(entry);
      };
    },
    async advance(milliseconds) {
      const end = now() + milliseconds;
      for (;;) {
        const next = [...waiting].sort((a, b) => a.time - b.time)[0];
        if (next === undefined || next.time > end) break;
        next.cancel();
        waiting.delete(next);
        skipped += Math.max(0, next.time - now());
        await next.action();
      }
      skipped += Math.max(0, end - now());
      for (const entry of waiting) {
        entry.cancel();
        arm(entry);
      }
    },
  };
}

/** The same passing of time under another time of day; what waits still waits as long. */
export function createSkewedClock(clock: Clock, skewMilliseconds: () => number): Clock {
  return {
    now: () => clock.now() + skewMilliseconds(),
    at: (time, action) => clock.at(time - skewMilliseconds(), action),
  };
}
