import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { judgeReport, leaseHolds } from '../domain/job-lease.ts';
import { finishJob, type FinishPorts } from './finish-job.ts';
import type { LogWriter } from './log-ports.ts';
import type { LookAtJob } from './look-at-job.ts';
import type { JobStore, LeaseProofOf } from './ports.ts';

/** Ends a job by what its runner reports; 'lease-lost' when another runner has the job by now. */
export function createReportJob(
  ports: FinishPorts & {
    readonly jobs: Pick<JobStore, 'facts'>;
    readonly logs: Pick<LogWriter, 'close'>;
    readonly lookAtJob: LookAtJob;
  },
): (proof: LeaseProofOf, report: JobReport) => Promise<'recorded' | 'lease-lost'> {
  return async (proof, report) => {
    const job = await ports.jobs.facts(proof.jobId);
    if (job === null || !leaseHolds(job, proof)) return 'lease-lost';
    // Whoever reads that a job has ended finds its logs whole.
    await ports.logs.close(proof);
    const { runId, workflow } = job;
    const judgement = judgeReport(job.plan, workflow, report, job.uploaded);
    // And nobody finds it ended and not looked at.
    await ports.lookAtJob(proof, job, report, judgement.outcome === 'passed');
    return await finishJob(ports, { proof, runId, workflow: workflow.name }, report, judgement);
  };
}
