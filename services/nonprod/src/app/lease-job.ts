import type { Job } from '@airlock/common/wire/runner-protocol';
import { jobSteps } from '@airlock/pipeline/run-plan';
import type { Events } from '../events.ts';
import type { JobStore } from './ports.ts';

/** Gives a runner the oldest job of its pool, or null. */
export function createLeaseJob(
  ports: { readonly jobs: JobStore; readonly events: Events },
  settings: { readonly leaseSeconds: number; readonly timeoutSeconds: number },
): (runner: string, pool: string) => Promise<Job | null> {
  return async (runner, pool) => {
    const claimed = await ports.jobs.claim({ runner, pool, leaseSeconds: settings.leaseSeconds });
    if (claimed === null) return null;
    const { run } = claimed;
    ports.events.jobLeased({ ...claimed, runId: run.id }, runner);
    return {
      jobId: claimed.jobId,
      runId: run.id,
      lease: claimed.lease,
      leaseSeconds: settings.leaseSeconds,
      repository: run.repositoryUrl,
      commit: run.commit,
      event: run.event,
      timeoutSeconds: settings.timeoutSeconds,
      steps: jobSteps(run),
      artifact: run.plan.artifact === null ? null : { ...run.plan.artifact },
    };
  };
}
