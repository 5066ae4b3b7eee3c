/** What a retry of what did not pass keeps of the run that it makes once more. */
import type { WorkflowId } from '@airlock/common/workflow-name';
import type { Sql } from '@airlock/database/sql';
import { planDigest } from '@airlock/pipeline/plan-digest';
import type { NewRun } from '../../app/ports.ts';
import { isSame, keptOf } from '../../domain/workflow-order.ts';
import { outcomeOf, storedPlan } from './row-shapes.ts';

export interface KeptJob {
  readonly id: string;
  /** Of the run in which it ran, for people. */
  readonly number: string;
  readonly workflow: WorkflowId;
}

interface KeptRow {
  readonly id: string;
  readonly workflow: string;
  readonly instance: number;
  readonly outcome: string | null;
  readonly kept_from: string | null;
  readonly plan: unknown;
  readonly number: string;
}

/** Jobs whose results stand; none where everything is made, and none where the plan is not what it was. */
export async function keptJobs(
  sql: Sql,
  { retryOf, onlyFailed, plan, repository }: NewRun,
): Promise<readonly KeptJob[]> {
  if (!onlyFailed || retryOf === null || plan === null) return [];
  const rows = await sql<KeptRow>`
    select job.id, job.workflow, job.instance, job.outcome, job.kept_from, run.plan,
      coalesce((select number from run first join job ran on ran.run_id = first.id where ran.id = job.kept_from),
        run.number)::text as number
    from run join job on job.run_id = run.id
    where run.id = ${retryOf} and run.repository = ${repository} order by job.position`;
  const stored = storedPlan(rows[0]?.plan);
  if (stored.kind !== 'plan' || planDigest(stored.plan) !== planDigest(plan)) return [];
  const jobs = rows.map(
    ({ id, workflow: name, instance, outcome, kept_from: keptFrom, number }) => ({
      // The one that ran, however often its run was made once more.
      ...{ id: keptFrom ?? id, workflow: { name, instance }, outcome: outcomeOf(outcome), number },
    }),
  );
  const kept = keptOf(plan, jobs);
  return jobs.filter(({ workflow }) => kept.some((which) => isSame(which, workflow)));
}

/** Columns of a job that is kept. */
export function endedAs({ id, number }: KeptJob) {
  return {
    ...{ state: 'finished', outcome: 'passed' as const, keptFrom: id },
    reason: `Kept: it passed in run #${number}.`,
  };
}
