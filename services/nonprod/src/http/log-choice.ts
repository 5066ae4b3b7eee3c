/** Which log of a run is meant: by the query, else the one that somebody who opens the run wants to see. */
import type { LogName } from '../app/log-ports.ts';
import type { JobSummary, RunDetails, StepSummary } from '../app/page-queries.ts';

type Jobs = Pick<RunDetails, 'jobs'>;

export interface ChosenLog {
  readonly job: JobSummary;
  readonly step: StepSummary;
  readonly name: LogName;
}

const hasFailed = ({ state }: StepSummary): boolean => state === 'failed' || state === 'timed-out';

/** The step that failed first, of the workflow that failed first. */
export function failedStep(run: Jobs): ChosenLog | null {
  for (const job of run.jobs) {
    const step = job.outcome === 'failed' ? job.steps.find(hasFailed) : undefined;
    if (step !== undefined) return chosen(job, step, job.lease);
  }
  return null;
}

/** @param query `job`, `step` and `lease` of an address; what names nothing is as if it were not there. */
export function chooseLog(
  run: Jobs,
  query: { readonly job?: unknown; readonly step?: unknown; readonly lease?: unknown },
): ChosenLog | null {
  const job = run.jobs.find(({ id }) => id === query.job) ?? usualJob(run);
  if (job === undefined) return null;
  const step = job.steps.find(({ name }) => name === query.step) ?? usualStep(job);
  if (step === undefined) return null;
  const lease = Number(query.lease);
  const isEarlier = Number.isSafeInteger(lease) && lease >= 1 && lease <= job.lease;
  return chosen(job, step, isEarlier ? lease : job.lease);
}

function usualJob({ jobs }: Jobs): JobSummary | undefined {
  return (
    jobs.find(({ outcome }) => outcome === 'failed') ??
    jobs.find(({ state }) => state === 'leased') ??
    jobs.findLast(({ outcome }) => outcome === 'passed') ??
    jobs[0]
  );
}

function usualStep({ steps }: JobSummary): StepSummary | undefined {
  return (
    steps.find(hasFailed) ??
    steps.find(({ state, kind }) => state === 'running' && kind === 'step') ??
    steps.findLast(({ state, kind }) => state === 'passed' && kind === 'step') ??
    steps[0]
  );
}

function chosen(job: JobSummary, step: StepSummary, lease: number): ChosenLog {
  return { job, step, name: { jobId: job.id, lease, step: step.name } };
}

/** The query by which this log is found again. */
export function logQuery({ job, name }: ChosenLog, more: Record<string, string> = {}): string {
  return new URLSearchParams({
    ...{ job: job.id, step: name.step },
    ...(name.lease === job.lease ? {} : { lease: String(name.lease) }),
    ...more,
  }).toString();
}
