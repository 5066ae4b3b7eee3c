/** What is decided about logs: which stay longer than others, which are gone. */
import type { LogPolicyStore } from '../../app/log-ports.ts';
import { sqlOf, type Database } from './client.ts';

export function createLogPolicyStore(db: Database): LogPolicyStore {
  const sql = sqlOf(db);
  return {
    async hold(runId) {
      const row = await db.logHold.findUnique({ where: { runId } });
      if (row === null) return null;
      return { reason: row.reason, placedBy: row.placedBy, placedAt: row.placedAt };
    },

    async place(runId, { reason, placedBy }) {
      await db.logHold.createMany({ data: { runId, reason, placedBy }, skipDuplicates: true });
    },

    async lift(runId) {
      await db.logHold.deleteMany({ where: { runId } });
    },

    async deletions(runId) {
      const rows = await db.logDeletion.findMany({ where: { job: { runId } } });
      return new Map(rows.map((row) => [row.jobId, row.deletedAt]));
    },

    async expired(jobIds, { mainRef, mainBefore, otherBefore }) {
      const rows = await db.job.findMany({
        where: {
          id: { in: [...jobIds] },
          state: 'finished',
          run: {
            logHold: null,
            OR: [
              { ref: mainRef, finishedAt: { lt: mainBefore } },
              { ref: { not: mainRef }, finishedAt: { lt: otherBefore } },
            ],
          },
        },
        select: { id: true },
      });
      return rows.map(({ id }) => id);
    },

    async recordDeletion(jobId, bytes) {
      await db.logDeletion.createMany({ data: { jobId, bytes }, skipDuplicates: true });
      await db.job.updateMany({ where: { id: jobId }, data: { logBytes: 0 } });
    },

    async recordKept(jobId, bytes) {
      await sql`update job set log_bytes = ${bytes} where id = ${jobId}`;
    },
  };
}
