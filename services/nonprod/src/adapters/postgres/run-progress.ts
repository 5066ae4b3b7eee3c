/** What the end of a job means for its run. */
import { isFinished, predecessorsOf } from '../../domain/run.ts';
import { isSame, runEnd, turnsOf } from '../../domain/workflow-order.ts';
import type { Transaction } from './client.ts';
import { outcomeOf, planOf, runStateOf } from './row-shapes.ts';

/**
 * Locks the run until the transaction ends. Whoever waits here holds at most jobs: jobs before runs, everywhere.
 *
 * @returns the name of whoever cancelled it; null when nobody did.
 */
export async function lockRun(tx: Transaction, runId: string): Promise<string | null> {
  await tx.$executeRaw`select from run where id = ${runId} for update`;
  const cancel = await tx.runCancel.findUnique({ where: { runId } });
  return cancel?.cancelledName ?? null;
}

/**
 * Starts or skips the workflows that waited, and ends the run with its last job. To be called in the transaction that
 * changed a job, after that job's row was locked: jobs before runs, everywhere.
 *
 * @returns what the run is now.
 */
export async function advanceRun(
  tx: Transaction,
  runId: string,
): Promise<'passed' | 'failed' | 'cancelled' | 'running'> {
  const cancelledBy = await lockRun(tx, runId);
  const row = await tx.run.findUniqueOrThrow({
    where: { id: runId },
    include: { jobs: { orderBy: { position: 'asc' } } },
  });
  const plan = planOf(row.plan);
  if (plan === null || isFinished(runStateOf(row.state))) return 'running';
  const jobs = row.jobs.map((job) => ({
    id: job.id,
    workflow: { name: job.workflow, instance: job.instance },
    waits: job.state === 'waiting',
    outcome: outcomeOf(job.outcome),
    reason: job.reason,
  }));
  // What waits in a cancelled run was ended when it was cancelled.
  const waiting = jobs.filter(({ waits }) => waits).map(({ workflow }) => workflow);
  const turns = [...turnsOf(plan, jobs, waiting)];
  const after = [];
  for (const job of jobs) {
    const turn = turns.find(([workflow]) => isSame(workflow, job.workflow))?.[1];
    if (turn?.kind === 'start') {
      await tx.job.updateMany({ where: { id: job.id }, data: { state: 'queued' } });
    }
    if (turn?.kind !== 'skip') {
      after.push(job);
      continue;
    }
    const { reason } = turn;
    await tx.$executeRaw`
      update job set state = 'finished', outcome = 'skipped', reason = ${reason}, finished_at = now()
      where id = ${job.id}`;
    await tx.step.updateMany({ where: { jobId: job.id }, data: { state: 'skipped' } });
    after.push({ ...job, outcome: 'skipped' as const, reason });
  }
  const end = runEnd(plan, after, cancelledBy);
  if (!end.ended) return 'running';
  await tx.$executeRaw`
    update run set state = ${end.outcome}, finished_at = now(), reason = ${end.reason},
      signing = case when ${end.outcome} = 'passed' and attestation is not null
        -- Provenance names the files of the commit, and these ran by another's.
        and not exists (select from run_trust where run_id = ${runId} and files = 'base')
        then 'wanted' else 'none' end
    where id = ${runId} and state = any (${predecessorsOf(end.outcome)})`;
  return end.outcome;
}
