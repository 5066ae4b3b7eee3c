import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { judgeReport, leaseHolds } from '../domain/job-lease.ts';
import type { Events } from '../events.ts';
import type { Bell, JobStore, LeaseProofOf } from './ports.ts';

/** Ends a job by what its runner reports; 'lease-lost' when another runner has the job by now. */
export function createReportJob(ports: {
  readonly jobs: JobStore;
  readonly bell: Bell;
  /** Wakes those who wait for a job. */
  readonly work: Bell;
  readonly events: Events;
}): (proof: LeaseProofOf, report: JobReport) => Promise<'recorded' | 'lease-lost'> {
  const { jobs, bell, work, events } = ports;
  return async (proof, report) => {
    const job = await jobs.facts(proof.jobId);
    if (job === null || !leaseHolds(job, proof)) return 'lease-lost';
    const judgement = judgeReport(job.plan, job.workflow, report, job.uploaded);
    const finished = await jobs.finish(proof, report, judgement);
    if (finished === null) return 'lease-lost';
    const { outcome } = judgement;
    const reason = outcome === 'failed' ? judgement.reason : null;
    events.jobFinished({ ...proof, run: job.runId, workflow: job.workflow.name, outcome, reason });
    if (finished.run === 'running') {
      // Workflows that waited for this one may be queued now.
      work.ring(job.runId);
      return 'recorded';
    }
    events.runFinished({ id: job.runId, outcome: finished.run });
    bell.ring(job.runId);
    return 'recorded';
  };
}
