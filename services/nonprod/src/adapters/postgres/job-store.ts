/**
 * Jobs as a runner sees them. Every write names the lease and the runner, and happens only if both are still those of
 * the row: a runner that was replaced can write nothing, however late it wakes up.
 */
import { z } from 'zod';
import { formatTimestamp } from '@airlock/common/time';
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import type { ClaimedJob, JobClaim, JobStore, LeaseProofOf } from '../../app/ports.ts';
import type { Judgement } from '../../domain/job-lease.ts';
import type { TrustLevel } from '../../domain/trust-level.ts';
import { predecessorsOf } from '../../domain/run.ts';
import { cancelReason } from '../../domain/workflow-order.ts';
import type { Database, Transaction } from './client.ts';
import { eventOf, jobStateOf, plannedOf, storedPlan, unreadable } from './row-shapes.ts';
import { nextJob } from './job-queue.ts';
import { cancelJob } from './cancel-store.ts';
import { advanceLocked, endUnreadable, lockRun } from './run-progress.ts';

interface ClaimedRow {
  readonly id: string;
  readonly run_id: string;
  readonly workflow: string;
  readonly instance: number;
  readonly lease: bigint;
  readonly attempt: number;
}

interface FactsRow {
  readonly run_id: string;
  readonly workflow: string;
  readonly instance: number;
  readonly state: string;
  readonly lease: bigint;
  readonly runner: string | null;
  readonly repository: string;
  readonly commit: string;
  readonly plan: unknown;
  /** Of the artifact; null where none was uploaded under the present lease. */
  readonly name: string | null;
  readonly digest: string | null;
  readonly size: bigint | null;
}

const Variables = z.record(z.string(), z.string());

export function createJobStore(db: Database): JobStore {
  return {
    async claim({ runner, pool, leaseSeconds, onUnreadable }) {
      for (;;) {
        const claimed = await db.$transaction((tx) =>
          claimNext(tx, { runner, pool, leaseSeconds }),
        );
        if (claimed === null || !('unreadable' in claimed)) return claimed;
        // It ended there: the next in the pool is another's.
        onUnreadable?.({ runId: claimed.runId, reason: claimed.unreadable });
      }
    },

    async facts(jobId) {
      // One question: every call of a runner about its job asks it.
      const [job] = await db.$queryRaw<FactsRow[]>`
        select job.run_id, job.workflow, job.instance, job.state, job.lease, job.runner,
          run.repository, run.commit, run.plan, artifact.name, artifact.digest, artifact.size
        from job join run on run.id = job.run_id
          left join artifact on artifact.run_id = run.id and artifact.lease = job.lease
        where job.id = ${jobId}`;
      if (job === undefined) return null;
      const { run_id: runId, workflow: name, instance, runner, repository, commit } = job;
      return {
        ...{ jobId, runId, runner, repository, commit },
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
      const [row] = await db.$queryRaw<{ cancelled: boolean }[]>`
        update job set heartbeat_at = now(), lease_expires_at = case
          when exists (select from run_cancel where run_cancel.run_id = job.run_id) then lease_expires_at
          else now() + make_interval(secs => ${leaseSeconds}::double precision) end
        where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
        returning exists (select from run_cancel where run_cancel.run_id = job.run_id) as cancelled`;
      if (row === undefined) return 'lost';
      return row.cancelled ? 'cancelled' : 'held';
    },

    async startStep(proof, step) {
      const [row] = await db.$queryRaw<{ held: boolean; planned: boolean }[]>`
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

    async recordArtifact(proof, artifact) {
      return await db.$transaction(async (tx) => {
        const runId = await lockHeldJob(tx, proof);
        if (runId === null) return false;
        const data = {
          lease: proof.lease,
          name: artifact.name,
          digest: artifact.digest,
          size: artifact.size,
        };
        await tx.artifact.upsert({ where: { runId }, create: { runId, ...data }, update: data });
        return true;
      });
    },

    async finish(proof, report, judgement) {
      return await db.$transaction(async (tx) => {
        const runId = await lockHeldJob(tx, proof);
        if (runId === null) return null;
        const isolation = report === null ? null : JSON.stringify(report.isolation);
        const egress = report?.egress == null ? null : JSON.stringify(report.egress);
        const cancelledBy = await lockRun(tx, runId);
        const { outcome } = cancelledBy === null ? judgement : ({ outcome: 'cancelled' } as const);
        const reason = cancelledBy === null ? reasonOf(judgement) : cancelReason(cancelledBy);
        await tx.$executeRaw`
          update job set state = 'finished', outcome = ${outcome}, finished_at = now(), lease_expires_at = null,
            reason = ${reason}, isolation = ${isolation}::jsonb, egress = ${egress}::jsonb
          where id = ${proof.jobId}`;
        await closeSteps(tx, proof.jobId, report?.steps ?? []);
        if (outcome === 'passed' && report !== null && report.attestation !== null) {
          await tx.run.updateMany({
            where: { id: runId },
            data: { attestation: report.attestation },
          });
        }
        return { outcome, reason, run: await advanceLocked(tx, runId, cancelledBy) };
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
  tx: Transaction,
  { runner, pool, leaseSeconds }: Pick<JobClaim, 'runner' | 'pool' | 'leaseSeconds'>,
): Promise<ClaimedJob | Unreadable | null> {
  const next = await nextJob(tx, pool);
  if (next === null) return null;
  const [job] = await tx.$queryRaw<ClaimedRow[]>`
    update job set state = 'leased', lease = lease + 1, runner = ${runner}, heartbeat_at = now(),
      started_at = coalesce(started_at, now()),
      lease_expires_at = now() + make_interval(secs => ${leaseSeconds}::double precision)
    where id = ${next}
    returning job.id, job.run_id, job.workflow, job.instance, job.lease, job.attempt`;
  if (job === undefined) return null;
  const running = await tx.$executeRaw`
    update run set state = 'running', started_at = coalesce(started_at, now())
    where id = ${job.run_id} and state = any (${['running', ...predecessorsOf('running')]})`;
  const cancelledBy = await lockRun(tx, job.run_id);
  if (running === 0 || cancelledBy !== null) {
    // It was in hand here while the run was cancelled.
    await cancelJob(tx, job.id, cancelledBy);
    await advanceLocked(tx, job.run_id, cancelledBy);
    return null;
  }
  const claimed = await claimedJob(tx, job);
  if ('unreadable' in claimed) await endUnreadable(tx, job.run_id, claimed.unreadable, job.id);
  return claimed;
}

const reasonOf = (judgement: Judgement): string | null =>
  judgement.outcome === 'failed' ? judgement.reason : null;

async function lockHeldJob(tx: Transaction, proof: LeaseProofOf): Promise<string | null> {
  const [job] = await tx.$queryRaw<{ run_id: string }[]>`
    select run_id from job
    where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
    for update`;
  return job?.run_id ?? null;
}

async function closeSteps(
  tx: Transaction,
  jobId: string,
  steps: JobReport['steps'],
): Promise<void> {
  for (const step of steps) {
    await tx.step.updateMany({
      where: { jobId, name: step.name },
      data: {
        state: step.outcome,
        exitCode: step.exitCode,
        startedAt: step.startedAt === null ? null : new Date(step.startedAt),
        finishedAt: step.finishedAt === null ? null : new Date(step.finishedAt),
      },
    });
  }
  // A step that the report leaves out did not happen.
  await tx.step.updateMany({
    where: { jobId, state: { in: ['queued', 'running'] } },
    data: { state: 'skipped' },
  });
}

async function claimedJob(tx: Transaction, job: ClaimedRow): Promise<ClaimedJob | Unreadable> {
  const run = await tx.run.findUniqueOrThrow({ where: { id: job.run_id } });
  const stored = storedPlan(run.plan);
  if (stored.kind === 'unreadable') return { runId: run.id, unreadable: stored.reason };
  if (stored.kind === 'none') {
    return { runId: run.id, unreadable: unreadable('its plan (there is none)') };
  }
  const variables = Variables.safeParse(run.variables);
  if (!variables.success) return { runId: run.id, unreadable: unreadable('its variables') };
  const { url, mainBranch, level, previous } = await surroundingsOf(tx, run);
  return {
    jobId: job.id,
    lease: Number(job.lease),
    attempt: job.attempt,
    runId: run.id,
    workflow: { name: job.workflow, instance: job.instance },
    plan: stored.plan,
    level,
    run: {
      number: Number(run.number),
      repository: run.repository,
      repositoryUrl: url,
      ref: run.ref,
      branch: run.branch,
      commit: run.commit,
      event: eventOf(run.event),
      pullRequest: run.pullRequest,
      subject: run.subject,
      authorName: run.authorName,
      authorEmail: run.authorEmail.slice(0, 1024),
      defaultBranch: mainBranch,
      createdAt: formatTimestamp(run.createdAt),
      tag: run.tag,
      sourceBranch: run.sourceBranch,
      cron: run.cron,
      deployTo: run.deployTo,
      previous,
      variables: variables.data,
    },
  };
}

interface SurroundingsRow {
  readonly url: string;
  readonly main_branch: string;
  /** 0 for a run from before trust was decided here. */
  readonly level: TrustLevel;
  /** Of the run before it on its ref; null where it is the first. */
  readonly commit: string | null;
  readonly number: bigint | null;
  readonly state: string | null;
}

/** What a job is told of its repository and of the run before it on its ref, and its run's trust. */
async function surroundingsOf(
  tx: Transaction,
  run: {
    readonly id: string;
    readonly repository: string;
    readonly ref: string;
    readonly number: bigint;
  },
): Promise<
  { url: string; mainBranch: string; previous: ClaimedJob['run']['previous'] } & Pick<
    ClaimedJob,
    'level'
  >
> {
  const [row] = await tx.$queryRaw<SurroundingsRow[]>`
    select repository.url, repository.main_branch, before.commit, before.number, before.state,
      coalesce((select level from run_trust where run_id = ${run.id}), 0) as level
    from repository left join lateral (
      select commit, number, state from run
      where run.repository = repository.name and run.ref = ${run.ref} and run.number < ${run.number}
      order by number desc limit 1
    ) before on true
    where repository.name = ${run.repository}`;
  if (row === undefined) throw new Error(`a run of ${run.repository}, which is no repository`);
  const { url, main_branch: mainBranch, level, commit, number, state } = row;
  const previous =
    commit === null || state === null ? null : { commit, number: Number(number), state };
  return { url, mainBranch, level, previous };
}
