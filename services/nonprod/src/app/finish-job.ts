import type { JobReport } from '@airlock/common/wire/runner-protocol';
import type { Judgement } from '../domain/job-lease.ts';
import type { Events } from '../events.ts';
import type { Bell, JobStore, LeaseProofOf } from './ports.ts';

export interface FinishPorts {
  readonly jobs: Pick<JobStore, 'finish'>;
  readonly bell: Bell;
  /** Wakes those who wait for a job. */
  readonly work: Bell;
  readonly events: Pick<Events, 'jobFinished' | 'runFinished'>;
}

/**
 * Ends a job and tells whoever waits for it; 'lease-lost' when another runner has it by now.
 *
 * @param report null: nothing of it was started.
 */
export async function finishJob(
  { jobs, bell, work, events }: FinishPorts,
  job: { readonly proof: LeaseProofOf; readonly runId: string; readonly workflow: string },
  report: JobReport | null,
  judgement: Judgement,
): Promise<'recorded' | 'lease-lost'> {
  const { proof, runId, workflow } = job;
  const finished = await jobs.finish(proof, report, judgement);
  if (finished === null) return 'lease-lost';
  const { outcome, reason } = finished;
  events.jobFinished({ ...proof, run: runId, workflow, outcome, reason });
  if (finished.run === 'running') {
    // Workflows that waited for this one may be queued now.
    work.ring(runId);
    return 'recorded';
  }
  events.runFinished({ id: runId, outcome: finished.run });
  bell.ring(runId);
  return 'recorded';
}
