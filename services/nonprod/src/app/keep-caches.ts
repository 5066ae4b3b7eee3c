/** Directories that builds keep: read from a run's own level of trust and above, written at its own once. */
import { ArtifactError } from '@airlock/artifacts/spool';
import { maxCacheBytes } from '@airlock/common/wire/cache';
import type { FileHandle } from 'node:fs/promises';
import { readableLevels, whyNotWritten } from '../domain/cache.ts';
import type { CacheBlobs, CacheEntries, CacheEntry } from './cache-ports.ts';
import type { LeaseProofOf } from './ports.ts';

/** A tar without an entry may be one whose entry is about to be written. */
const settledMs = 60 * 60 * 1000;

export interface BuildCaches {
  /** Null: nothing that this run may read has the key. The caller closes the handle. */
  find(
    proof: LeaseProofOf,
    key: string,
  ): Promise<
    (CacheEntry & { readonly handle: FileHandle; readonly size: number }) | null | CacheRefusal
  >;
  /**
   * Of one job no more than its plan's own caches, written and under way together.
   *
   * @returns `why`: what stood in the way, one clause; null when it was written. The source is read only when it may be.
   */
  keep(
    proof: LeaseProofOf,
    given: {
      readonly key: string;
      readonly digest: string;
      readonly source: AsyncIterable<Uint8Array>;
    },
  ): Promise<{ readonly why: string | null } | CacheRefusal>;
  sweep(now: Date): Promise<{ readonly entries: number; readonly blobs: number }>;
}

export type CacheRefusal = 'lease-lost' | 'not-asked-for';

export function createBuildCaches(
  ports: { readonly entries: CacheEntries; readonly blobs: CacheBlobs },
  settings: { readonly keepDays: number; readonly maxRepositoryBytes: number },
): BuildCaches {
  const { entries, blobs } = ports;
  /** Keys whose tars are being taken in, by job. */
  const underWay = new Map<string, readonly string[]>();

  return {
    async find(proof, key) {
      const job = await entries.job(proof);
      if (job === null) return 'lease-lost';
      if (job.caches === 0) return 'not-asked-for';
      const found = await entries.find(job.repository, key, readableLevels(job));
      if (found === null) return null;
      try {
        return { ...found, ...(await blobs.openVerified(found.digest)) };
      } catch (cause) {
        if (!(cause instanceof ArtifactError)) throw cause;
        if (cause.code !== 'artifact-missing' && cause.code !== 'artifact-corrupt') throw cause;
        await entries.forget(found.digest);
        await blobs.remove(found.digest);
        return null;
      }
    },

    async keep(proof, { key, digest, source }) {
      const job = await entries.job(proof);
      if (job === null) return 'lease-lost';
      if (job.caches === 0) return 'not-asked-for';
      const why = whyNotWritten(job);
      if (why !== null) return { why };
      const { jobId } = proof;
      const others = underWay.get(jobId) ?? [];
      if (others.includes(key)) return { why: 'it is being sent already' };
      underWay.set(jobId, [...others, key]);
      try {
        // Before a byte is read: otherwise a runner in bad hands fills the disk between two sweeps.
        const { keys, isThere } = await entries.written(proof, { ...job, key });
        if (isThere) return { why: 'another run was first' };
        if (new Set([...keys, ...others]).size >= job.caches) {
          return { why: `more than this job keeps by its plan, which is ${job.caches}` };
        }
        const maxBytes = Math.min(maxCacheBytes, settings.maxRepositoryBytes);
        const { size } = await blobs.put(source, { maxBytes, expected: digest });
        // Asked again: meanwhile another job of the run may have read a secret.
        return await entries.write(proof, { key, digest, size }, whyNotWritten);
      } catch (cause) {
        if (!(cause instanceof ArtifactError)) throw cause;
        return { why: cause.message };
      } finally {
        const left = (underWay.get(jobId) ?? []).filter((each) => each !== key);
        if (left.length === 0) underWay.delete(jobId);
        else underWay.set(jobId, left);
      }
    },

    async sweep(now) {
      const { keepDays, maxRepositoryBytes } = settings;
      const readBefore = new Date(now.getTime() - keepDays * 86_400_000);
      const gone = await entries.retire({ readBefore, maxRepositoryBytes });
      const settled = (await blobs.list()).filter(
        ({ storedAt }) => now.getTime() - storedAt.getTime() > settledMs,
      );
      const named = await entries.named(settled.map(({ digest }) => digest));
      const unnamed = settled.filter(({ digest }) => !named.has(digest));
      for (const { digest } of unnamed) await blobs.remove(digest);
      return { entries: gone, blobs: unnamed.length };
    },
  };
}
