import type { Log } from '@airlock/process/log';

/**
 * Counts what strangers cause, by address, in this process: neither Redis nor Postgres has to answer for it to hold, and
 * one address cannot keep another out.
 *
 * @param perMinute how many calls of one key are let through in a minute, 1 or more.
 * @param onSlowed told of the first call of a key that is not let through, once a minute. Default: nobody is.
 * @returns true when this call is let through.
 */
export function createRateLimit(
  perMinute: number,
  onSlowed: (key: string) => void = () => {},
): (key: string, now: Date) => boolean {
  const counts = new Map<string, number>();
  let windowEnds = 0;
  return (key, now) => {
    if (now.getTime() >= windowEnds) {
      counts.clear();
      windowEnds = now.getTime() + 60_000;
    }
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count === perMinute + 1) onSlowed(key);
    return count <= perMinute;
  };
}

/** Whoever guesses is in the log once a minute, and not once a guess. */
export function tellSlowed(log: Log, what: string): (address: string) => void {
  return (address) => {
    log.warn('guessing.slowed', { 'client.address': address, what });
  };
}
