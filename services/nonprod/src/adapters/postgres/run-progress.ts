/** What the end of a job means for its run. */
import type { RunPlan } from '@airlock/common/wire/run-plan';
import { isFinished, predecessorsOf } from '../../domain/run.ts';
import { isSame, runEnd, turnsOf, type JobProgress } from '../../domain/workflow-order.ts';
import type { Transaction } from './client.ts';
import { outcomeOf, runStateOf, storedPlan, unreadable } from './row-shapes.ts';

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

type RunNow = 'passed' | 'failed' | 'cancelled' | 'running';

/**
 * Starts or skips the workflows that waited, and ends the run with its last job. To be called in the transaction that
 * changed a job, after that job's row was locked: jobs before runs, everywhere.
 *
 * @returns what the run is now.
 */
export async function advanceRun(tx: Transaction, runId: string): Promise<RunNow> {
  return await advanceLocked(tx, runId, await lockRun(tx, runId));
}

/** As `advanceRun`, behind `lockRun`, which said who cancelled it. */
export async function advanceLocked(
  tx: Transaction,
  runId: string,
  cancelledBy: string | null,
): Promise<RunNow> {
  const row = await tx.run.findUniqueOrThrow({
    where: { id: runId },
    include: { jobs: { orderBy: { position: 'asc' } } },
  });
  if (isFinished(runStateOf(row.state))) return 'running';
  const stored = storedPlan(row.plan);
  if (stored.kind !== 'plan') {
    const reason = stored.kind === 'none' ? unreadable('its plan (there is none)') : stored.reason;
    await endUnreadable(tx, runId, reason);
    return 'failed';
  }
  const jobs = row.jobs.map((job) => ({
    id: job.id,
    workflow: { name: job.workflow, instance: job.instance },
    waits: job.state === 'waiting',
    outcome: outcomeOf(job.outcome),
    reason: job.reason,
  }));
  return await advanceKnown(tx, runId, { plan: stored.plan, jobs }, cancelledBy);
}

/** What has been planned of a run, and how far each of it is. */
export interface KnownRun {
  readonly plan: RunPlan;
  readonly jobs: readonly (JobProgress & {
    readonly id: string;
    readonly waits: boolean;
    readonly reason: string | null;
  })[];
}

/** As `advanceLocked`, of a run that has not ended, by whoever knows it: it was made or read in the same transaction. */
export async function advanceKnown(
  tx: Transaction,
  runId: string,
  { plan, jobs }: KnownRun,
  cancelledBy: string | null,
): Promise<RunNow> {
  // What waits in a cancelled run was ended when it was cancelled.
  const waiting = jobs.filter(({ waits }) => waits).map(({ workflow }) => workflow);
  const turns = [...turnsOf(plan, jobs, waiting)];
  const after = [];
  const started = [];
  for (const job of jobs) {
    const turn = turns.find(([workflow]) => isSame(workflow, job.workflow))?.[1];
    if (turn?.kind === 'start') started.push(job.id);
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
  if (started.length > 0) {
    await tx.$executeRaw`update job set state = 'queued' where id = any (${started})`;
  }
  const end = runEnd(plan, after, cancelledBy);
  if (!end.ended) return 'running';
  await tx.$executeRaw`
    update run set state = ${end.outcome}, finished_at = now(), reason = ${end.reason},
      signing = case when ${end.outcome} = 'passed' and attestation is not null
        -- Provenance names the files of the commit, and these ran by another's.
        and not exists (select from run_trust where run_id = ${runId} and files = 'base')
        -- It says of one run that it made the whole.
        and not exists (select from job where run_id = ${runId} and kept_from is not null)
        then 'wanted' else 'none' end
    where id = ${runId} and state = any (${predecessorsOf(end.outcome)})`;
  return end.outcome;
}

/**
 * Ends a run of which something cannot be read, and with it whatever no runner has: whoever claims next finds the jobs of
 * others. A job that a runner has ends as it would. To be called behind `lockRun`.
 *
 * @param leased a job that this transaction has just leased: it ends too.
 */
export async function endUnreadable(
  tx: Transaction,
  runId: string,
  reason: string,
  leased: string | null = null,
): Promise<void> {
  // Whoever has another of them locked waits for this run, and ends that job itself when it sees that the run has ended.
  const jobs = await tx.$queryRaw<{ id: string }[]>`
    select id from job
    where run_id = ${runId} and (state in ('held', 'waiting', 'queued') or id = ${leased})
    for update skip locked`;
  const ids = jobs.map(({ id }) => id);
  await tx.$executeRaw`
    update job set state = 'finished', outcome = 'failed', reason = ${reason}, finished_at = now(),
      lease_expires_at = null
    where id = any (${ids})`;
  await tx.step.updateMany({
    where: { jobId: { in: ids }, state: { in: ['queued', 'running'] } },
    data: { state: 'skipped' },
  });
  await tx.$executeRaw`
    update run set state = 'failed', finished_at = now(), reason = ${reason}
    where id = ${runId} and state = any (${predecessorsOf('failed')})`;
}
