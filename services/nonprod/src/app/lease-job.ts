import type { Job } from '@airlock/common/wire/runner-protocol';
import { workflowOf } from '@airlock/pipeline/workflow-name';
import { invocationIdOf } from '../domain/run.ts';
import type { Events } from '../events.ts';
import type { JobStore } from './ports.ts';

/** Gives a runner the oldest job of its pool, or null. */
export function createLeaseJob(
  ports: { readonly jobs: JobStore; readonly events: Events },
  settings: {
    readonly origin: string;
    readonly leaseSeconds: number;
    readonly timeoutSeconds: number;
    readonly maxArtifactBytes: number;
  },
): (runner: string, pool: string) => Promise<Job | null> {
  return async (runner, pool) => {
    const claimed = await ports.jobs.claim({ runner, pool, leaseSeconds: settings.leaseSeconds });
    if (claimed === null) return null;
    const { runId, run, plan, workflow } = claimed;
    const url = invocationIdOf(settings.origin, runId);
    ports.events.jobLeased(claimed, runner);
    return {
      jobId: claimed.jobId,
      runId,
      lease: claimed.lease,
      leaseSeconds: settings.leaseSeconds,
      timeoutSeconds: settings.timeoutSeconds,
      invocationId: url,
      workflow,
      pipeline: workflowOf(plan, workflow)?.file ?? '',
      run: { ...run, url },
      plan,
      maxArtifactBytes: settings.maxArtifactBytes,
    };
  };
}
