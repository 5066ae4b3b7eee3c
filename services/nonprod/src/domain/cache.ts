/**
 * Whose caches a run may read and write. What a lower level wrote is never read: a stranger's pull request that fills a
 * cache of main's is how releases were taken over (CVE-2026-45321). Entries are written once, so that a later run of the
 * same level cannot replace what others rely on.
 */
import { trustLevels, type TrustLevel } from './trust-level.ts';

export interface CacheUser {
  readonly level: TrustLevel;
  /** Trust of the pool that it runs in, at most its level. */
  readonly poolTrust: TrustLevel;
  /** Whether a secret was opened for the run. */
  readonly isPostReview: boolean;
}

/** In the order in which they are asked: a run's own level, then the ones above. */
export function readableLevels({ level }: Pick<CacheUser, 'level'>): TrustLevel[] {
  return trustLevels.filter((each) => each >= level);
}

/** Why nothing is written, one clause; null where the run's own level is written. */
export function whyNotWritten({ level, poolTrust, isPostReview }: CacheUser): string | null {
  if (isPostReview) return 'this run read a secret';
  if (poolTrust === level) return null;
  return `this run has level ${level}, and its pool, of trust ${poolTrust}, runs what is trusted less`;
}
