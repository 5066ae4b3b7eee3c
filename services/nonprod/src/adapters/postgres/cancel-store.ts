import type { CancelStore } from '../../app/cancel-ports.ts';
import { isFinished, predecessorsOf } from '../../domain/run.ts';
import { cancelReason } from '../../domain/workflow-order.ts';
import type { Database, Transaction } from './client.ts';
import { lockRun } from './run-progress.ts';
import { runStateOf } from './row-shapes.ts';

export function createCancelStore(db: Database): CancelStore {
  return {
    async cancel(runId, person) {
      return await db.$transaction(async (tx) => {
        const cancelledBy = await lockRun(tx, runId);
        const run = await tx.run.findUnique({ where: { id: runId } });
        if (run === null) return null;
        const was = runStateOf(run.state);
        if (isFinished(was) || cancelledBy !== null) {
          return { was, again: cancelledBy !== null, now: was };
        }
        await tx.runCancel.create({
          data: { runId, cancelledBy: person.id, cancelledName: person.name },
        });
        // Whoever has a job locked waits for this run or is about to: it sees the row above, and ends the job itself.
        const jobs = await tx.$queryRaw<{ id: string }[]>`
          select id from job where run_id = ${runId} and state in ('held', 'waiting', 'queued')
          for update skip locked`;
        for (const { id } of jobs) await cancelJob(tx, id, person.name);
        const left = await tx.job.count({ where: { runId, state: { not: 'finished' } } });
        if (left > 0) return { was, again: false, now: was };
        await tx.run.updateMany({
          where: { id: runId, state: { in: predecessorsOf('cancelled') } },
          data: {
            state: 'cancelled',
            reason: cancelReason(person.name),
            finishedAt: new Date(),
          },
        });
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
  tx: Transaction,
  jobId: string,
  cancelledBy: string | null,
): Promise<void> {
  await tx.job.updateMany({
    where: { id: jobId },
    data: {
      ...{ state: 'finished', outcome: 'cancelled', leaseExpiresAt: null },
      finishedAt: new Date(),
      reason: cancelledBy === null ? null : cancelReason(cancelledBy),
    },
  });
  await tx.step.updateMany({
    where: { jobId, state: { in: ['queued', 'running'] } },
    data: { state: 'cancelled' },
  });
}
