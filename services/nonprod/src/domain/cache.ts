/**
 * Whose caches a run may read and write. What a lower level wrote is never read: a stranger's pull request that fills a
 * cache of main's is how releases were taken over (CVE-2026-45321). Entries are written once, so that a later run of the
 * same level cannot replace what others rely on.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import { trustLevels, type TrustLevel } from './trust-level.ts';

export interface CacheUser {
  readonly level: TrustLevel;
  /** Trust of the pool that it runs in, at most its level. */
  readonly poolTrust: TrustLevel;
  /** Whether a secret was opened for the run. */
  readonly isPostReview: boolean;
}

export interface CacheWriting {
  readonly level: TrustLevel;
  /** True: runs of lower levels do not read it, because a secret may have got into it. */
  readonly isClosed: boolean;
}

/** In the order in which they are asked: a run's own level, then the ones above. */
export function readableLevels({ level }: Pick<CacheUser, 'level'>): TrustLevel[] {
  return trustLevels.filter((each) => each >= level);
}

/** Null where nothing is kept: machines that execute a lower level do not write for a higher one. */
export function cacheWriting({ level, poolTrust, isPostReview }: CacheUser): CacheWriting | null {
  return poolTrust === level ? { level, isClosed: isPostReview } : null;
}

/**
 * The key of an entry: other content of a named file, another image or another path is another key, so that nothing has to
 * be replaced.
 */
export function cacheKeyOf(parts: {
  readonly image: string;
  readonly path: string;
  readonly key: string;
  /** SHA-256 by path of the files that the key is made from. */
  readonly files: Readonly<Record<string, string>>;
}): string {
  const { image, path, key, files } = parts;
  return createHash('sha256')
    .update(canonicalJson({ image, path, key, files: { ...files } }))
    .digest('hex');
}
