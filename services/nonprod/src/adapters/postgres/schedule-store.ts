import type { ScheduleQueue, ScheduleStore } from '../../app/source-ports.ts';
import type { Database } from './client.ts';

export function createScheduleQueue(db: Database): ScheduleQueue {
  return {
    active: () => db.schedule.findMany({ where: { paused: false } }),

    async lastRunAt(repository, ref) {
      const row = await db.run.findFirst({
        where: { repository, ref },
        orderBy: { createdAt: 'desc' },
        select: { createdAt: true },
      });
      return row?.createdAt ?? null;
    },

    async fire({ repository, name, firedFor }, now, lastOutcome, request) {
      return await db.$transaction(async (tx) => {
        const { count } = await tx.schedule.updateMany({
          where: { repository, name, firedFor },
          data: { firedFor: now, lastOutcome },
        });
        if (count === 0) return false;
        if (request !== null) {
          await tx.runRequest.create({ data: { ...request, variables: { ...request.variables } } });
        }
        return true;
      });
    },
  };
}

export function createScheduleStore(db: Database): ScheduleStore {
  return {
    list: () => db.schedule.findMany({ orderBy: [{ repository: 'asc' }, { name: 'asc' }] }),

    async set({ repository, name, ...schedule }, person) {
      const now = new Date();
      const data = { ...schedule, setBy: person, setAt: now, firedFor: now };
      await db.schedule.upsert({
        where: { repository_name: { repository, name } },
        create: { repository, name, ...data },
        update: data,
      });
    },

    async erase(repository, name) {
      const { count } = await db.schedule.deleteMany({ where: { repository, name } });
      return count === 1;
    },
  };
}
