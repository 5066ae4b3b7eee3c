/** Where a job's caches are: at nonprod. Nothing that goes wrong with one ends a job that is still this runner's. */
import type { CacheStore } from '@airlock/build/caches';
import type { Job } from '@airlock/common/wire/runner-protocol';
import { ControlPlaneError, isLeaseLost } from './api/answers.ts';
import type { ControlPlane } from './api/control-plane.ts';

export function createJobCaches(ports: {
  readonly controlPlane: Pick<ControlPlane, 'cache' | 'keepCache'>;
  readonly job: Pick<Job, 'jobId' | 'lease'>;
  readonly signal: AbortSignal;
}): CacheStore {
  const { controlPlane, job, signal } = ports;
  const held = { jobId: job.jobId, lease: job.lease };

  /** @throws what it is given when the job is no longer this runner's. */
  function told(cause: unknown): string {
    if (signal.aborted || isLeaseLost(cause)) throw cause;
    if (cause instanceof ControlPlaneError) return cause.message.slice(0, 500);
    throw cause;
  }

  return {
    fetch: (key, to) => controlPlane.cache(held, { key, to }, signal).catch(told),
    keep: ({ key, file, digest, size }) =>
      controlPlane
        .keepCache(held, { key, path: file, digest, size }, signal)
        .catch((cause: unknown) => ({ why: told(cause) })),
  };
}
