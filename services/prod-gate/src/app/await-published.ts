/** Waits until the ledger has published an entry. */
import { setTimeout as sleep } from 'node:timers/promises';

const firstPollMs = 4;
const pollMs = 50;

/**
 * The watchdog signs within some milliseconds; a ledger that takes longer is not asked as often.
 *
 * @param given.meanwhile called before each pause; what it throws ends the wait.
 * @returns false where that took longer than `withinMs`.
 */
export async function awaitPublished(given: {
  readonly isPublished: () => Promise<boolean>;
  readonly withinMs: number;
  readonly meanwhile?: () => void;
}): Promise<boolean> {
  const until = performance.now() + given.withinMs;
  let pause = firstPollMs;
  while (!(await given.isPublished())) {
    given.meanwhile?.();
    if (performance.now() > until) return false;
    await sleep(pause);
    pause = Math.min(pause * 1.5, pollMs);
  }
  return true;
}
