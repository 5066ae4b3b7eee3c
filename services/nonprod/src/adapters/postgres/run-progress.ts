/** What the end of a job means for its run. */
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { Sql } from '@airlock/database/sql';
import { isFinished, predecessorsOf, type RunState } from '../../domain/run.ts';
import { isSame, runEnd, turnsOf, type JobProgress } from '../../domain/workflow-order.ts';
import { outcomeOf, runStateOf, storedPlan, unreadable, type StoredPlan } from './row-shapes.ts';

/**
 * Locks the run until the transaction ends. Whoever waits here holds at most jobs: jobs before runs, everywhere.
 *
 * @returns the name of whoever cancelled it; null when nobody did.
 */
export async function lockRun(sql: Sql, runId: string): Promise<string | null> {
  await sql`select from run where id = ${runId} for update`;
  const [cancel] = await sql<{ name: string }>`
    select cancelled_name as name from run_cancel where run_id = ${runId}`;
  return cancel?.name ?? null;
}

type RunNow = 'passed' | 'failed' | 'cancelled' | 'running';

/**
 * Starts or skips the workflows that waited, and ends the run with its last job. To be called in the transaction that
 * changed a job, after that job's row was locked: jobs before runs, everywhere.
 *
 * @returns what the run is now.
 */
export async function advanceRun(sql: Sql, runId: string): Promise<RunNow> {
  return await advanceLocked(sql, runId, await lockRun(sql, runId));
}

interface ProgressRow {
  readonly state: string;
  readonly plan: unknown;
  readonly cancelled_by: string | null;
  readonly jobs: readonly {
    readonly id: string;
    readonly workflow: string;
    readonly instance: number;
    readonly state: string;
    readonly outcome: string | null;
    readonly reason: string | null;
  }[];
}

/** A run as it is kept, behind a lock on it. */
export interface RunProgress {
  readonly state: RunState;
  readonly stored: StoredPlan;
  readonly jobs: KnownRun['jobs'];
  /** Name of whoever did; null: nobody. */
  readonly cancelledBy: string | null;
}

export async function progressOf(sql: Sql, runId: string): Promise<RunProgress> {
  const [row] = await sql<ProgressRow>`
    select state, plan, (select cancelled_name from run_cancel where run_id = run.id) as cancelled_by, coalesce((
      select json_agg(json_build_object('id', id, 'workflow', workflow, 'instance', instance, 'state', state,
        'outcome', outcome, 'reason', reason) order by position)
      from job where run_id = run.id
    ), '[]') as jobs
    from run where id = ${runId}`;
  if (row === undefined) throw new Error(`${runId}, which is no run`);
  const jobs = row.jobs.map(({ id, workflow: name, instance, state, outcome, reason }) => ({
    ...{ id, workflow: { name, instance }, waits: state === 'waiting', reason },
    outcome: outcomeOf(outcome),
  }));
  const [state, stored] = [runStateOf(row.state), storedPlan(row.plan)];
  return { state, stored, jobs, cancelledBy: row.cancelled_by };
}

/** As `advanceRun`, behind `lockRun`, which said who cancelled it. */
export async function advanceLocked(
  sql: Sql,
  runId: string,
  cancelledBy: string | null,
): Promise<RunNow> {
  return await advanceRead(sql, runId, { ...(await progressOf(sql, runId)), cancelledBy });
}

/** As `advanceRun`, by whoever has locked and read the run. */
export async function advanceRead(
  sql: Sql,
  runId: string,
  { state, stored, jobs, cancelledBy }: RunProgress,
): Promise<RunNow> {
  if (isFinished(state)) return 'running';
  if (stored.kind !== 'plan') {
    const reason = stored.kind === 'none' ? unreadable('its plan (there is none)') : stored.reason;
    await endUnreadable(sql, runId, reason);
    return 'failed';
  }
  return await advanceKnown(sql, runId, { plan: stored.plan, jobs }, cancelledBy);
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
  sql: Sql,
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
    await sql`
      update job set state = 'finished', outcome = 'skipped', reason = ${reason}, finished_at = now()
      where id = ${job.id}`;
    await sql`update step set state = 'skipped' where job_id = ${job.id}`;
    after.push({ ...job, outcome: 'skipped' as const, reason });
  }
  if (started.length > 0) {
    await sql`update job set state = 'queued' where id = any (${started})`;
  }
  const end = runEnd(plan, after, cancelledBy);
  if (!end.ended) return 'running';
  await sql`
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
  sql: Sql,
  runId: string,
  reason: string,
  leased: string | null = null,
): Promise<void> {
  // Whoever has another of them locked waits for this run, and ends that job itself when it sees that the run has ended.
  const jobs = await sql<{ id: string }>`
    select id from job
    where run_id = ${runId} and (state in ('held', 'waiting', 'queued') or id = ${leased})
    for update skip locked`;
  const ids = jobs.map(({ id }) => id);
  await sql`
    update job set state = 'finished', outcome = 'failed', reason = ${reason}, finished_at = now(),
      lease_expires_at = null
    where id = any (${ids})`;
  await sql`
    update step set state = 'skipped' where job_id = any (${ids}) and state in ('queued', 'running')`;
  await sql`
    update run set state = 'failed', finished_at = now(), reason = ${reason}
    where id = ${runId} and state = any (${predecessorsOf('failed')})`;
}
