/**
 * What newer servers do about guessing: after a few refused logins a name is locked, for its rightful owner as well. Whoever
 * knows a role id can keep its owner out that way, unless locking was switched off for the mount.
 */
import type { Clock } from '../clock.ts';

const lockedMilliseconds = 15 * 60_000;

/** @param options.threshold refused logins that lock; null for a server that locks nobody. */
export function createLockout({ clock, threshold }: { clock: Clock; threshold: number | null }) {
  const failures = new Map<string, { count: number; since: number }>();
  let isDisabled = false;

  return {
    isLocked(name: string): boolean {
      const failed = failures.get(name);
      if (isDisabled || failed === undefined || threshold === null) return false;
      if (clock.now() >= failed.since + lockedMilliseconds) failures.delete(name);
      return failures.has(name) && failed.count >= threshold;
    },
    failed(name: string): void {
      const count = (failures.get(name)?.count ?? 0) + 1;
      failures.set(name, { count, since: clock.now() });
    },
    succeeded(name: string): void {
      failures.delete(name);
    },
    setDisabled(value: boolean): void {
      isDisabled = value;
    },
  };
}
