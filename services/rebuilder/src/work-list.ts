/** Which of the rebuilds that the gate asks for is tried now: one that failed is tried again, ever more rarely. */
import type { WantedRebuild } from '@airlock/common/wire/rebuild-protocol';

const firstPauseMs = 5_000;
const longestPauseMs = 10 * 60_000;

export type WorkList = {
  /** The oldest that is due, or null. What the gate no longer asks for is forgotten. */
  next(wanted: readonly WantedRebuild[], now: Date): WantedRebuild | null;
  failed(promotion: string, now: Date): void;
};

export function createWorkList(): WorkList {
  const failures = new Map<string, { count: number; dueAt: number }>();
  return {
    next(wanted, now) {
      const asked = new Set(wanted.map(({ promotion }) => promotion));
      for (const promotion of failures.keys()) {
        if (!asked.has(promotion)) failures.delete(promotion);
      }
      return (
        wanted.find(({ promotion }) => (failures.get(promotion)?.dueAt ?? 0) <= now.getTime()) ??
        null
      );
    },
    failed(promotion, now) {
      const count = (failures.get(promotion)?.count ?? 0) + 1;
      const pause = Math.min(firstPauseMs * 2 ** (count - 1), longestPauseMs);
      failures.set(promotion, { count, dueAt: now.getTime() + pause });
    },
  };
}
