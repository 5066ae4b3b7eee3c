import type { Job } from '@airlock/common/wire/runner-protocol';
import { workflowOf } from '@airlock/common/workflow-name';
import type { Bait } from '@airlock/common/wire/bait';
import { invocationIdOf } from '../domain/run.ts';
import type { Events } from '../events.ts';
import { finishJob, type FinishPorts } from './finish-job.ts';
import { asksForSecrets, type HandOutSecrets } from './hand-out-secrets.ts';
import type { ClaimedJob, JobStore, SourceArchive } from './ports.ts';

/**
 * Gives a runner the oldest job of its pool, or null. A job whose steps ask for what they may not read, or whose commit is gone,
 * ends here, before anything of it runs.
 */
export function createLeaseJob(
  ports: FinishPorts & {
    readonly jobs: Pick<JobStore, 'claim'>;
    readonly events: Pick<Events, 'jobLeased' | 'runUnreadable'>;
    readonly mirrors: { of(repository: string): Pick<SourceArchive, 'commitObject'> };
    /** Null: this installation keeps no secrets. */
    readonly secrets: Pick<HandOutSecrets, 'refusal'> | null;
    /** What the job shall find that is worth stealing. */
    readonly baitFor: (job: ClaimedJob) => readonly Bait[];
  },
  settings: {
    readonly origin: string;
    readonly leaseSeconds: number;
    readonly timeoutSeconds: number;
    readonly maxArtifactBytes: number;
  },
): (runner: string, pool: string) => Promise<Job | null> {
  const { leaseSeconds } = settings;

  async function refusal({ jobId, lease, plan, workflow }: ClaimedJob, runner: string) {
    const planned = workflowOf(plan, workflow);
    if (planned === null || !asksForSecrets(planned)) return null;
    if (ports.secrets !== null) return await ports.secrets.refusal({ jobId, lease, runner });
    return 'A step asks for a secret, and this installation keeps none; whoever looks after it names a keeper under `secrets` in the configuration of nonprod-web.';
  }

  function onUnreadable(run: { readonly runId: string; readonly reason: string }): void {
    ports.events.runUnreadable(run);
    ports.bell.ring(run.runId);
  }

  return async (runner, pool) => {
    for (;;) {
      const claimed = await ports.jobs.claim({ runner, pool, leaseSeconds, onUnreadable });
      if (claimed === null) return null;
      const { jobId, lease, runId, run, plan, workflow } = claimed;
      const [object, refused] = await Promise.all([
        ports.mirrors.of(run.repository).commitObject(run.commit),
        refusal(claimed, runner),
      ]);
      if (object === null || refused !== null) {
        const reason =
          refused ?? `${run.commit} is not in the mirror of ${run.repository} any more.`;
        const job = { proof: { jobId, lease, runner }, runId, workflow: workflow.name };
        await finishJob(ports, job, null, { outcome: 'failed', reason });
        continue;
      }
      const url = invocationIdOf(settings.origin, runId);
      ports.events.jobLeased(claimed, runner);
      const bait = ports.baitFor(claimed);
      return {
        ...{ jobId, runId, lease, leaseSeconds, workflow, plan },
        timeoutSeconds: settings.timeoutSeconds,
        invocationId: url,
        pipeline: workflowOf(plan, workflow)?.file ?? '',
        run: { ...run, url },
        commitObject: object.toString('base64'),
        maxArtifactBytes: settings.maxArtifactBytes,
        ...(bait.length === 0 ? {} : { bait: [...bait] }),
      };
    }
  };
}
