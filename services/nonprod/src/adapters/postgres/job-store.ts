/**
 * Jobs as a runner sees them. Every write names the lease and the runner, and happens only if both are still those of
 * the row: a runner that was replaced can write nothing, however late it wakes up.
 */
import { z } from 'zod';
import { formatTimestamp } from '@airlock/common/time';
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import type { Sql } from '@airlock/database/sql';
import type { ClaimedJob, JobClaim, JobStore, LeaseProofOf } from '../../app/ports.ts';
import type { Judgement } from '../../domain/job-lease.ts';
import type { TrustLevel } from '../../domain/trust-level.ts';
import { predecessorsOf } from '../../domain/run.ts';
import { cancelReason } from '../../domain/workflow-order.ts';
import { inTransaction, sqlOf, type Database } from './client.ts';
import { eventOf, jobStateOf, plannedOf, storedPlan, unreadable } from './row-shapes.ts';
import { nextJob } from './job-queue.ts';
import { cancelJob } from './cancel-store.ts';
import { advanceLocked, advanceRead, endUnreadable, lockRun, progressOf } from './run-progress.ts';

interface ClaimedRow {
  readonly id: string;
  readonly run_id: string;
  readonly workflow: string;
  readonly instance: number;
  /** Postgres's int8, which has no number of its own; so are the others below. */
  readonly lease: string;
  readonly attempt: number;
  /** False where its run had ended, or was cancelled, meanwhile. */
  readonly running: boolean;
}

interface FactsRow {
  readonly run_id: string;
  readonly workflow: string;
  readonly instance: number;
  readonly state: string;
  readonly lease: string;
  readonly runner: string | null;
  readonly pool: string;
  readonly repository: string;
  readonly commit: string;
  readonly plan: unknown;
  /** Of the artifact; null where none was uploaded under the present lease. */
  readonly name: string | null;
  readonly digest: string | null;
  readonly size: string | null;
}

const Variables = z.record(z.string(), z.string());

export function createJobStore(db: Database): JobStore {
  const sql = sqlOf(db);
  return {
    async claim({ runner, pool, leaseSeconds, onUnreadable }) {
      for (;;) {
        const claimed = await inTransaction(db, (tx) =>
          claimNext(tx, { runner, pool, leaseSeconds }),
        );
        if (claimed === null || !('unreadable' in claimed)) return claimed;
        // It ended there: the next in the pool is another's.
        onUnreadable?.({ runId: claimed.runId, reason: claimed.unreadable });
      }
    },

    async facts(jobId) {
      // One question: every call of a runner about its job asks it.
      const [job] = await sql<FactsRow>`
        select job.run_id, job.workflow, job.instance, job.state, job.lease, job.runner, job.pool,
          run.repository, run.commit, run.plan, artifact.name, artifact.digest, artifact.size
        from job join run on run.id = job.run_id
          left join artifact on artifact.run_id = run.id and artifact.lease = job.lease
        where job.id = ${jobId}`;
      if (job === undefined) return null;
      const { run_id: runId, workflow: name, instance, runner, pool, repository, commit } = job;
      return {
        ...{ jobId, runId, runner, pool, repository, commit },
        workflow: { name, instance },
        state: jobStateOf(job.state),
        lease: Number(job.lease),
        plan: plannedOf(job.plan),
        uploaded:
          job.name === null || job.digest === null
            ? null
            : { name: job.name, digest: job.digest, size: Number(job.size) },
      };
    },

    async heartbeat(proof, leaseSeconds) {
      // The lease of a cancelled job runs out: what is left of it is for stopping and telling.
      const [row] = await sql<{ cancelled: boolean }>`
        update job set heartbeat_at = now(), lease_expires_at = case
          when exists (select from run_cancel where run_cancel.run_id = job.run_id) then lease_expires_at
          else now() + make_interval(secs => ${leaseSeconds}::double precision) end
        where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
        returning exists (select from run_cancel where run_cancel.run_id = job.run_id) as cancelled`;
      if (row === undefined) return 'lost';
      return row.cancelled ? 'cancelled' : 'held';
    },

    async startStep(proof, step) {
      const [row] = await sql<{ held: boolean; planned: boolean }>`
        with held as (
          select id from job
          where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
        ), started as (
          update step set state = 'running', started_at = now() from held
          where step.job_id = held.id and step.name = ${step} and step.state = 'queued'
        )
        select exists (select from held) as held,
          exists (select from step join held on step.job_id = held.id where step.name = ${step}) as planned`;
      if (row?.held !== true) return 'lease-lost';
      return row.planned ? 'started' : 'no-such-step';
    },

    async recordArtifact(proof, { name, digest, size }) {
      return await inTransaction(db, async (tx) => {
        const runId = await lockHeldJob(tx, proof);
        if (runId === null) return false;
        await tx`
          insert into artifact (run_id, lease, name, digest, size)
          values (${runId}, ${proof.lease}, ${name}, ${digest}, ${size})
          on conflict (run_id) do update set lease = excluded.lease, name = excluded.name,
            digest = excluded.digest, size = excluded.size`;
        return true;
      });
    },

    async finish(proof, report, judgement) {
      return await inTransaction(db, async (tx) => {
        const runId = await lockHeldJob(tx, proof);
        if (runId === null) return null;
        const run = await progressOf(tx, runId);
        const { cancelledBy } = run;
        const { outcome } = cancelledBy === null ? judgement : ({ outcome: 'cancelled' } as const);
        const reason = cancelledBy === null ? reasonOf(judgement) : cancelReason(cancelledBy);
        await endJob(tx, proof.jobId, { outcome, reason, report });
        if (outcome === 'passed' && report !== null && report.attestation !== null) {
          await tx`update run set attestation = ${report.attestation} where id = ${runId}`;
        }
        const jobs = run.jobs.map((job) =>
          job.id === proof.jobId ? { ...job, outcome, reason } : job,
        );
        return { outcome, reason, run: await advanceRead(tx, runId, { ...run, jobs }) };
      });
    },
  };
}

interface Unreadable {
  readonly runId: string;
  /** Why; its run has ended with it. */
  readonly unreadable: string;
}

async function claimNext(
  sql: Sql,
  { runner, pool, leaseSeconds }: Pick<JobClaim, 'runner' | 'pool' | 'leaseSeconds'>,
): Promise<ClaimedJob | Unreadable | null> {
  const next = await nextJob(sql, pool);
  if (next === null) return null;
  const [job] = await sql<ClaimedRow>`
    with leased as (
      update job set state = 'leased', lease = lease + 1, runner = ${runner}, heartbeat_at = now(),
        started_at = coalesce(started_at, now()),
        lease_expires_at = now() + make_interval(secs => ${leaseSeconds}::double precision)
      where id = ${next}
      returning id, run_id, workflow, instance, lease, attempt
    ), begun as (
      update run set state = 'running', started_at = coalesce(run.started_at, now())
      from leased where run.id = leased.run_id and run.state = any (${['running', ...predecessorsOf('running')]})
      returning run.id
    )
    select leased.*, exists (select from begun) as running from leased`;
  if (job === undefined) return null;
  // Its row is locked where it goes on: nobody cancels it any more behind this question.
  const run = job.running ? await toldRun(sql, job.run_id) : null;
  if (run === null || run.cancelled_by !== null) {
    // It was in hand here while the run was cancelled.
    const cancelledBy = await lockRun(sql, job.run_id);
    await cancelJob(sql, job.id, cancelledBy);
    await advanceLocked(sql, job.run_id, cancelledBy);
    return null;
  }
  const claimed = claimedJob(job, run);
  if ('unreadable' in claimed) await endUnreadable(sql, job.run_id, claimed.unreadable, job.id);
  return claimed;
}

const reasonOf = (judgement: Judgement): string | null =>
  judgement.outcome === 'failed' ? judgement.reason : null;

/** Locks the job and behind it its run. @returns the run; null when the lease does not hold (any more). */
async function lockHeldJob(sql: Sql, proof: LeaseProofOf): Promise<string | null> {
  const [run] = await sql<{ id: string }>`
    with held as (
      select run_id from job
      where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
      for update
    )
    select run.id from held join run on run.id = held.run_id for update of run`;
  return run?.id ?? null;
}

/** With its steps; one that the report leaves out did not happen. */
async function endJob(
  sql: Sql,
  jobId: string,
  {
    outcome,
    reason,
    report,
  }: {
    readonly outcome: string;
    readonly reason: string | null;
    readonly report: JobReport | null;
  },
): Promise<void> {
  const steps = report?.steps ?? [];
  const isolation = report === null ? null : JSON.stringify(report.isolation);
  const egress = report?.egress == null ? null : JSON.stringify(report.egress);
  await sql`
    with told as (
      select * from unnest(${steps.map(({ name }) => name)}::text[], ${steps.map((step) => step.outcome)}::text[],
        ${steps.map(({ exitCode }) => exitCode)}::int[], ${steps.map(({ startedAt }) => startedAt)}::timestamptz[],
        ${steps.map(({ finishedAt }) => finishedAt)}::timestamptz[]) as told (name, state, exit_code, started_at, finished_at)
    ), happened as (
      update step set state = told.state, exit_code = told.exit_code, started_at = told.started_at,
        finished_at = told.finished_at
      from told where step.job_id = ${jobId} and step.name = told.name
    ), left_out as (
      update step set state = 'skipped'
      where job_id = ${jobId} and state in ('queued', 'running') and name not in (select name from told)
    )
    update job set state = 'finished', outcome = ${outcome}, finished_at = now(), lease_expires_at = null,
      reason = ${reason}, isolation = ${isolation}::jsonb, egress = ${egress}::jsonb
    where id = ${jobId}`;
}

/** What a job is told of its run, of its repository and of the run before it on its ref. */
interface ToldRow {
  readonly number: string;
  readonly repository: string;
  readonly ref: string;
  readonly branch: string;
  readonly commit: string;
  readonly event: string;
  readonly pull_request: number | null;
  readonly subject: string;
  readonly author_name: string;
  readonly author_email: string;
  readonly created_at: Date;
  readonly tag: string | null;
  readonly source_branch: string | null;
  readonly cron: string | null;
  readonly deploy_to: string | null;
  readonly variables: unknown;
  readonly plan: unknown;
  readonly url: string;
  readonly main_branch: string;
  /** 0 for a run from before trust was decided here. */
  readonly level: TrustLevel;
  /** Of the run before it; null where it is the first. */
  readonly before_commit: string | null;
  readonly before_number: string | null;
  readonly before_state: string | null;
  readonly cancelled_by: string | null;
}

async function toldRun(sql: Sql, runId: string): Promise<ToldRow> {
  const [run] = await sql<ToldRow>`
    select run.number, run.repository, run.ref, run.branch, run.commit, run.event, run.pull_request, run.subject,
      run.author_name, run.author_email, run.created_at, run.tag, run.source_branch, run.cron, run.deploy_to,
      run.variables, run.plan, repository.url, repository.main_branch,
      coalesce((select level from run_trust where run_id = run.id), 0) as level,
      before.commit as before_commit, before.number as before_number, before.state as before_state,
      (select cancelled_name from run_cancel where run_id = run.id) as cancelled_by
    from run join repository on repository.name = run.repository left join lateral (
      select commit, number, state from run earlier
      where earlier.repository = run.repository and earlier.ref = run.ref and earlier.number < run.number
      order by number desc limit 1
    ) before on true
    where run.id = ${runId}`;
  if (run === undefined) throw new Error(`${runId}, which is no run of a repository`);
  return run;
}

function claimedJob(job: ClaimedRow, run: ToldRow): ClaimedJob | Unreadable {
  const runId = job.run_id;
  const stored = storedPlan(run.plan);
  if (stored.kind === 'unreadable') return { runId, unreadable: stored.reason };
  if (stored.kind === 'none') {
    return { runId, unreadable: unreadable('its plan (there is none)') };
  }
  const variables = Variables.safeParse(run.variables);
  if (!variables.success) return { runId, unreadable: unreadable('its variables') };
  const { before_commit: commit, before_number: number, before_state: state } = run;
  return {
    jobId: job.id,
    lease: Number(job.lease),
    attempt: job.attempt,
    runId,
    workflow: { name: job.workflow, instance: job.instance },
    plan: stored.plan,
    level: run.level,
    run: {
      number: Number(run.number),
      repository: run.repository,
      repositoryUrl: run.url,
      ref: run.ref,
      branch: run.branch,
      commit: run.commit,
      event: eventOf(run.event),
      pullRequest: run.pull_request,
      subject: run.subject,
      authorName: run.author_name,
      authorEmail: run.author_email.slice(0, 1024),
      defaultBranch: run.main_branch,
      createdAt: formatTimestamp(run.created_at),
      tag: run.tag,
      sourceBranch: run.source_branch,
      cron: run.cron,
      deployTo: run.deploy_to,
      previous:
        commit === null || state === null ? null : { commit, number: Number(number), state },
      variables: variables.data,
    },
  };
}
