import type { Sql } from '@airlock/database/sql';
import type { ExpiredJob, LeaseSweeper } from '../../app/ports.ts';
import { afterExpiry } from '../../domain/job-lease.ts';
import { predecessorsOf } from '../../domain/run.ts';
import { inTransaction, type Database } from './client.ts';
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
      return await inTransaction(db, async (sql) => {
        const lost = await sql<LostJob>`
          select id, run_id, runner, attempt from job
          where state = 'leased' and lease_expires_at < now()
          order by lease_expires_at limit 20 for update skip locked`;
        const results: ExpiredJob[] = [];
        for (const job of lost) results.push(await takeBack(sql, job));
        return results;
      });
    },
  };
}

async function takeBack(sql: Sql, job: LostJob): Promise<ExpiredJob> {
  const next = afterExpiry(job.attempt, await lockRun(sql, job.run_id));
  const named = { jobId: job.id, runId: job.run_id, runner: job.runner };
  if (next.kind === 'requeue') {
    await sql`
      with steps as (
        update step set state = 'queued', exit_code = null, started_at = null, finished_at = null
        where job_id = ${job.id}
      )
      update job set state = 'queued', attempt = ${next.attempt}, runner = null, lease_expires_at = null
      where id = ${job.id}`;
    await sql`
      update run set state = 'queued'
      where id = ${job.run_id} and state = any (${predecessorsOf('queued')})
        and not exists (select from job where run_id = run.id and state = 'leased')`;
    return { ...named, outcome: 'requeued' };
  }
  const outcome = next.kind === 'cancel' ? 'cancelled' : 'failed';
  await sql`
    with steps as (
      update step set state = 'cancelled' where job_id = ${job.id} and state in ('queued', 'running')
    )
    update job set state = 'finished', outcome = ${outcome}, reason = ${next.reason}, finished_at = now(),
      runner = null, lease_expires_at = null
    where id = ${job.id}`;
  await advanceRun(sql, job.run_id);
  return { ...named, outcome };
}
