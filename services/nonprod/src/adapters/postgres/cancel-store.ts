import type { Sql } from '@airlock/database/sql';
import type { CancelStore } from '../../app/cancel-ports.ts';
import { isFinished, predecessorsOf } from '../../domain/run.ts';
import { cancelReason } from '../../domain/workflow-order.ts';
import { inTransaction, type Database } from './client.ts';
import { lockRun } from './run-progress.ts';
import { runStateOf } from './row-shapes.ts';

export function createCancelStore(db: Database): CancelStore {
  return {
    async cancel(runId, person) {
      return await inTransaction(db, async (sql) => {
        const cancelledBy = await lockRun(sql, runId);
        const [run] = await sql<{ state: string }>`select state from run where id = ${runId}`;
        if (run === undefined) return null;
        const was = runStateOf(run.state);
        if (isFinished(was) || cancelledBy !== null) {
          return { was, again: cancelledBy !== null, now: was };
        }
        await sql`
          insert into run_cancel (run_id, cancelled_by, cancelled_name) values (${runId}, ${person.id}, ${person.name})`;
        // Whoever has a job locked waits for this run or is about to: it sees the row above, and ends the job itself.
        const jobs = await sql<{ id: string }>`
          select id from job where run_id = ${runId} and state in ('held', 'waiting', 'queued')
          for update skip locked`;
        for (const { id } of jobs) await cancelJob(sql, id, person.name);
        const left =
          await sql`select from job where run_id = ${runId} and state <> 'finished' limit 1`;
        if (left.length > 0) return { was, again: false, now: was };
        await sql`
          update run set state = 'cancelled', reason = ${cancelReason(person.name)}, finished_at = now()
          where id = ${runId} and state = any (${predecessorsOf('cancelled')})`;
        return { was, again: false, now: 'cancelled' };
      });
    },
  };
}

/**
 * Ends a job that nobody runs, with its steps.
 *
 * @param cancelledBy null: the run has ended without it.
 */
export async function cancelJob(
  sql: Sql,
  jobId: string,
  cancelledBy: string | null,
): Promise<void> {
  const reason = cancelledBy === null ? null : cancelReason(cancelledBy);
  await sql`
    with steps as (
      update step set state = 'cancelled' where job_id = ${jobId} and state in ('queued', 'running')
    )
    update job set state = 'finished', outcome = 'cancelled', lease_expires_at = null, finished_at = now(),
      reason = ${reason}
    where id = ${jobId}`;
}
