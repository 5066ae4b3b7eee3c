/** How long to wait before asking again somebody who did not answer. */

const firstPauseMs = 250;
const longestPauseMs = 10_000;

/**
 * The pause after the nth failure: 250 ms, doubling up to 10 s, of which a random half is left out so that several who wait do
 * not come back together. What the other side asked for comes first, up to a minute.
 *
 * @param wait.failures 1 after the first.
 * @param wait.random at least 0 and below 1.
 * @param wait.retryAfterSeconds what Retry-After said; null when nothing did.
 * @returns milliseconds.
 */
export function pauseAfter(wait: {
  failures: number;
  random: number;
  retryAfterSeconds: number | null;
}): number {
  const whole = Math.min(firstPauseMs * 2 ** Math.max(0, wait.failures - 1), longestPauseMs);
  const own = whole * (1 - wait.random / 2);
  const asked = Math.min(wait.retryAfterSeconds ?? 0, 60) * 1000;
  return Math.max(own, asked);
}
