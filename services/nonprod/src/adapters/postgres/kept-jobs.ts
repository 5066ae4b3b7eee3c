/** What a retry of what did not pass keeps of the run that it makes once more. */
import type { WorkflowId } from '@airlock/common/workflow-name';
import { planDigest } from '@airlock/pipeline/plan-digest';
import type { NewRun } from '../../app/ports.ts';
import { isSame, keptOf } from '../../domain/workflow-order.ts';
import type { Transaction } from './client.ts';
import { outcomeOf, storedPlan } from './row-shapes.ts';

export interface KeptJob {
  readonly id: string;
  /** Of the run in which it ran, for people. */
  readonly number: bigint;
  readonly workflow: WorkflowId;
}

/** Jobs whose results stand; none where everything is made, and none where the plan is not what it was. */
export async function keptJobs(
  tx: Transaction,
  { retryOf, onlyFailed, plan, repository }: NewRun,
): Promise<readonly KeptJob[]> {
  if (!onlyFailed || retryOf === null || plan === null) return [];
  const row = await tx.run.findUnique({
    where: { id: retryOf, repository },
    include: { jobs: { orderBy: { position: 'asc' } } },
  });
  if (row === null) return [];
  const stored = storedPlan(row.plan);
  if (stored.kind !== 'plan' || planDigest(stored.plan) !== planDigest(plan)) return [];
  const earlier = row.jobs.flatMap(({ keptFrom }) => (keptFrom === null ? [] : [keptFrom]));
  const ran = await tx.job.findMany({
    where: { id: { in: earlier } },
    select: { id: true, run: { select: { number: true } } },
  });
  const jobs = row.jobs.map(({ id, workflow: name, instance, outcome, keptFrom }) => ({
    // The one that ran, however often its run was made once more.
    ...{ id: keptFrom ?? id, workflow: { name, instance }, outcome: outcomeOf(outcome) },
    number: ran.find((job) => job.id === keptFrom)?.run.number ?? row.number,
  }));
  const kept = keptOf(plan, jobs);
  return jobs.filter(({ workflow }) => kept.some((which) => isSame(which, workflow)));
}

/** Columns of a job that is kept. */
export function endedAs({ id, number }: KeptJob) {
  return {
    ...{ state: 'finished', outcome: 'passed' as const, keptFrom: id, finishedAt: new Date() },
    reason: `Kept: it passed in run #${number}.`,
  };
}
