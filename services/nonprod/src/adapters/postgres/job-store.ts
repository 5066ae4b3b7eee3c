/**
 * Jobs as a runner sees them. Every write names the lease and the runner, and happens only if both are still those of
 * the row: a runner that was replaced can write nothing, however late it wakes up.
 */
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import type { ClaimedJob, JobStore, LeaseProofOf } from '../../app/ports.ts';
import type { Judgement } from '../../domain/job-lease.ts';
import { predecessorsOf } from '../../domain/run.ts';
import type { Database, Transaction } from './client.ts';
import { eventOf, planOf } from './row-shapes.ts';

/** What one run's log may hold; the rest of a flood is dropped. */
export const maxLogBytes = 50 * 1024 * 1024;

export function createJobStore(db: Database): JobStore {
  return {
    async claim({ runner, pool, leaseSeconds }) {
      return await db.$transaction(async (tx) => {
        const [job] = await tx.$queryRaw<
          { id: string; run_id: string; lease: bigint; attempt: number }[]
        >`
          with next as (
            select id from job where state = 'queued' and pool = ${pool}
            order by created_at limit 1 for update skip locked
          )
          update job set state = 'leased', lease = lease + 1, runner = ${runner}, heartbeat_at = now(),
            lease_expires_at = now() + make_interval(secs => ${leaseSeconds}::double precision)
          from next where job.id = next.id
          returning job.id, job.run_id, job.lease, job.attempt`;
        if (job === undefined) return null;
        const { count } = await tx.run.updateMany({
          where: { id: job.run_id, state: { in: predecessorsOf('running') } },
          data: { state: 'running' },
        });
        if (count === 0) {
          await tx.job.updateMany({ where: { id: job.id }, data: { state: 'finished' } });
          return null;
        }
        await tx.$executeRaw`
          update run set started_at = coalesce(started_at, now()) where id = ${job.run_id}`;
        return await claimedJob(tx, job);
      });
    },

    async facts(jobId) {
      const job = await db.job.findUnique({
        where: { id: jobId },
        include: { run: { include: { artifact: true } } },
      });
      if (job === null) return null;
      const { artifact } = job.run;
      return {
        jobId,
        runId: job.runId,
        state: jobStateOf(job.state),
        lease: Number(job.lease),
        runner: job.runner,
        commit: job.run.commit,
        plan: planOf(job.run.plan),
        uploaded:
          artifact?.lease === job.lease
            ? { name: artifact.name, digest: artifact.digest, size: Number(artifact.size) }
            : null,
      };
    },

    async heartbeat(proof, leaseSeconds) {
      const hit = await db.$executeRaw`
        update job set heartbeat_at = now(),
          lease_expires_at = now() + make_interval(secs => ${leaseSeconds}::double precision)
        where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}`;
      return hit === 1;
    },

    async appendLog(proof, chunk, bytes) {
      return await db.$transaction(async (tx) => {
        const [job] = await tx.$queryRaw<{ run_id: string; log_bytes: bigint }[]>`
          update job set log_bytes = log_bytes + ${bytes.length}
          where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
          returning run_id, log_bytes`;
        if (job === undefined) return false;
        if (Number(job.log_bytes) <= maxLogBytes) {
          await tx.logChunk.createMany({
            data: {
              jobId: proof.jobId,
              lease: proof.lease,
              sequence: chunk.sequence,
              step: chunk.step,
              bytes: Uint8Array.from(bytes),
            },
            skipDuplicates: true,
          });
        }
        await tx.$executeRaw`
          update step set state = 'running', started_at = now()
          where run_id = ${job.run_id} and name = ${chunk.step} and state = 'queued'`;
        return true;
      });
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
        if (runId === null) return false;
        await tx.job.updateMany({
          where: { id: proof.jobId },
          data: {
            state: 'finished',
            leaseExpiresAt: null,
            isolation: { mode: report.isolation.mode, enforced: report.isolation.enforced },
          },
        });
        await closeSteps(tx, runId, report);
        await closeRun(tx, runId, judgement, report.attestation);
        return true;
      });
    },
  };
}

async function lockHeldJob(tx: Transaction, proof: LeaseProofOf): Promise<string | null> {
  const [job] = await tx.$queryRaw<{ run_id: string }[]>`
    select run_id from job
    where id = ${proof.jobId} and state = 'leased' and lease = ${proof.lease} and runner = ${proof.runner}
    for update`;
  return job?.run_id ?? null;
}

async function closeSteps(tx: Transaction, runId: string, report: JobReport): Promise<void> {
  for (const step of report.steps) {
    await tx.step.updateMany({
      where: { runId, name: step.name },
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
    where: { runId, state: { in: ['queued', 'running'] } },
    data: { state: 'skipped' },
  });
}

async function closeRun(
  tx: Transaction,
  runId: string,
  judgement: Judgement,
  attestation: string | null,
): Promise<void> {
  const attested = judgement.outcome === 'passed' ? attestation : null;
  await tx.$executeRaw`
    update run set state = ${judgement.outcome}, finished_at = now(),
      reason = ${judgement.outcome === 'failed' ? judgement.reason : null},
      signing = ${attested === null ? 'none' : 'wanted'}, attestation = ${attested}
    where id = ${runId} and state = any (${predecessorsOf(judgement.outcome)})`;
}

async function claimedJob(
  tx: Transaction,
  job: { id: string; run_id: string; lease: bigint; attempt: number },
): Promise<ClaimedJob> {
  const run = await tx.run.findUniqueOrThrow({
    where: { id: job.run_id },
    include: { repositoryRow: true },
  });
  return {
    jobId: job.id,
    lease: Number(job.lease),
    attempt: job.attempt,
    runId: run.id,
    plan: planOf(run.plan),
    run: {
      number: Number(run.number),
      repository: run.repository,
      repositoryUrl: run.repositoryRow.url,
      ref: run.ref,
      branch: run.branch,
      commit: run.commit,
      event: eventOf(run.event),
      pullRequest: run.pullRequest,
      subject: run.subject,
      authorName: run.authorName,
    },
  };
}

const jobStates = ['held', 'queued', 'leased', 'finished'] as const;

function jobStateOf(column: string): (typeof jobStates)[number] {
  const state = jobStates.find((known) => known === column);
  if (state === undefined) throw new Error(`job.state holds ${column}`);
  return state;
}
