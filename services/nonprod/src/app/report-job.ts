import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { judgeReport, leaseHolds } from '../domain/job-lease.ts';
import type { Events } from '../events.ts';
import type { Bell, JobStore, LeaseProofOf } from './ports.ts';

/** Ends a run by what its runner reports; 'lease-lost' when another runner has the job by now. */
export function createReportJob(ports: {
  readonly jobs: JobStore;
  readonly bell: Bell;
  readonly events: Events;
}): (proof: LeaseProofOf, report: JobReport) => Promise<'recorded' | 'lease-lost'> {
  const { jobs, bell, events } = ports;
  return async (proof, report) => {
    const job = await jobs.facts(proof.jobId);
    if (job === null || !leaseHolds(job, proof)) return 'lease-lost';
    const judgement = judgeReport(job.plan, report, job.uploaded);
    if (!(await jobs.finish(proof, report, judgement))) return 'lease-lost';
    events.runFinished({
      id: job.runId,
      outcome: judgement.outcome,
      reason: judgement.outcome === 'failed' ? judgement.reason : null,
    });
    bell.ring(job.runId);
    return 'recorded';
  };
}
