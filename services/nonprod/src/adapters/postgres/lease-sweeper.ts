import type { ExpiredJob, LeaseSweeper } from '../../app/ports.ts';
import { afterExpiry } from '../../domain/job-lease.ts';
import { predecessorsOf } from '../../domain/run.ts';
import type { Database, Transaction } from './client.ts';
import { advanceRun, lockRun } from './run-progress.ts';

interface LostJob {
  readonly id: string;
  readonly run_id: string;
  readonly runner: string | null;
  readonly attempt: number;
}

export function createLeaseSweeper(db: Database): LeaseSweeper {
  return {
    async sweep() {
      return await db.$transaction(async (tx) => {
        const lost = await tx.$queryRaw<LostJob[]>`
          select id, run_id, runner, attempt from job
          where state = 'leased' and lease_expires_at < now()
          order by lease_expires_at limit 20 for update skip locked`;
        const results: ExpiredJob[] = [];
        for (const job of lost) results.push(await takeBack(tx, job));
        return results;
      });
    },
  };
}

async function takeBack(tx: Transaction, job: LostJob): Promise<ExpiredJob> {
  const next = afterExpiry(job.attempt, await lockRun(tx, job.run_id));
  const named = { jobId: job.id, runId: job.run_id, runner: job.runner };
  if (next.kind === 'requeue') {
    await tx.job.updateMany({
      where: { id: job.id },
      data: { state: 'queued', attempt: next.attempt, runner: null, leaseExpiresAt: null },
    });
    await tx.run.updateMany({
      where: {
        id: job.run_id,
        state: { in: predecessorsOf('queued') },
        jobs: { none: { state: 'leased' } },
      },
      data: { state: 'queued' },
    });
    await tx.step.updateMany({
      where: { jobId: job.id },
      data: { state: 'queued', exitCode: null, startedAt: null, finishedAt: null },
    });
    return { ...named, outcome: 'requeued' };
  }
  const outcome = next.kind === 'cancel' ? 'cancelled' : 'failed';
  await tx.$executeRaw`
    update job set state = 'finished', outcome = ${outcome}, reason = ${next.reason}, finished_at = now(),
      runner = null, lease_expires_at = null
    where id = ${job.id}`;
  await tx.step.updateMany({
    where: { jobId: job.id, state: { in: ['queued', 'running'] } },
    data: { state: 'cancelled' },
  });
  await advanceRun(tx, job.run_id);
  return { ...named, outcome };
}
