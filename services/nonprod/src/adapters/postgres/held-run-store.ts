import type { HeldRunStore } from '../../app/ports.ts';
import type { Database } from './client.ts';
import { advanceRun } from './run-progress.ts';

export function createHeldRunStore(db: Database): HeldRunStore {
  return {
    async start(runId) {
      return await db.$transaction(async (tx) => {
        await tx.$executeRaw`select from job where run_id = ${runId} for update`;
        const { count } = await tx.run.updateMany({
          where: { id: runId, state: 'held' },
          data: { state: 'queued', reason: null },
        });
        if (count === 0) return false;
        await tx.job.updateMany({ where: { runId, state: 'held' }, data: { state: 'waiting' } });
        await advanceRun(tx, runId);
        return true;
      });
    },
  };
}
