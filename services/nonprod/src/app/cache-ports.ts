import type { ContentStore } from '@airlock/artifacts/content-store';
import type { CacheUser } from '../domain/cache.ts';
import type { TrustLevel } from '../domain/trust-level.ts';
import type { LeaseProofOf } from './ports.ts';

/** A job that holds its lease, as far as caches go. */
export interface CachingJob extends CacheUser {
  readonly repository: string;
  /** How many caches the steps of its workflow keep, by its plan. */
  readonly caches: number;
}

export interface CacheEntry {
  readonly digest: string;
  readonly level: TrustLevel;
  /** Number of the run that wrote it. */
  readonly run: number;
}

export interface CacheEntries {
  /** Null when the lease does not hold (any more). */
  job(proof: LeaseProofOf): Promise<CachingJob | null>;
  /** The entry of the first of the levels that has one; counts as read now. */
  find(repository: string, key: string, levels: readonly TrustLevel[]): Promise<CacheEntry | null>;
  /** Keys of the entries that the job has written; whether one of the key is there, at the level, whoever wrote it. */
  written(
    proof: Pick<LeaseProofOf, 'jobId'>,
    at: { readonly repository: string; readonly level: TrustLevel; readonly key: string },
  ): Promise<{ readonly keys: readonly string[]; readonly isThere: boolean }>;
  /**
   * At the level of the job's run; what is there already stays.
   *
   * @param judge asked while no secret can be opened for the run; null: it may.
   * @returns `why`: what stood in the way, one clause; null when it was written.
   */
  write(
    proof: LeaseProofOf,
    entry: { readonly key: string; readonly digest: string; readonly size: number },
    judge: (user: CacheUser) => string | null,
  ): Promise<{ readonly why: string | null } | 'lease-lost'>;
  /** An entry whose tar is gone. */
  forget(digest: string): Promise<void>;
  /**
   * Entries that nobody read for so long go, and of each repository whatever is beyond its bytes: lower levels first, so
   * that no stranger pushes out what main keeps, then what was read longest ago. Resolves to how many went.
   */
  retire(limits: {
    readonly readBefore: Date;
    readonly maxRepositoryBytes: number;
  }): Promise<number>;
  /** Of these digests those that an entry names. */
  named(digests: readonly string[]): Promise<ReadonlySet<string>>;
}

export type CacheBlobs = Pick<ContentStore, 'put' | 'openVerified' | 'list' | 'remove'>;
