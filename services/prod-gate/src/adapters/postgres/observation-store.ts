import type { ObservationStore } from '../../app/observation-ports.ts';
import { noticeKinds } from '../../domain/notice-period.ts';
import { sights, standings, type Observation } from '../../domain/observation.ts';
import type { TargetObservation } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { oneOf } from './rows.ts';

export function createObservationStore({ prisma }: GateDatabase): ObservationStore {
  return {
    async of(target) {
      const row = await prisma.targetObservation.findUnique({ where: { target } });
      return row === null ? null : observationFrom(row);
    },

    async all() {
      const rows = await prisma.targetObservation.findMany({ orderBy: { target: 'asc' } });
      return rows.map(observationFrom);
    },

    async claim(target, { id, seconds }) {
      const claimed = await prisma.$executeRaw`
        insert into target_look (target, id, until)
        values (${target}, ${id}, now() + make_interval(secs => ${seconds}))
        on conflict (target) do update set id = excluded.id, until = excluded.until
        where target_look.until <= now()`;
      return claimed === 1;
    },

    async release(target, id) {
      await prisma.targetLook.deleteMany({ where: { target, id } });
    },

    async put(tx, observation, id) {
      const client = clientOf(tx);
      const { target, standing, period, running, ...seen } = observation;
      const { count } = await client.targetLook.deleteMany({ where: { target, id } });
      if (count === 0) return false;
      const data = {
        ...seen,
        running: [...running],
        ...{ standing: standing?.as ?? null, standingId: standing?.id ?? null },
        ...{ periodSince: period?.since ?? null, periodThread: period?.thread ?? null },
        ...{ periodTold: [...(period?.told ?? [])], untold: period?.untold ?? 0 },
      };
      await client.targetObservation.upsert({
        where: { target },
        create: { target, ...data },
        update: data,
      });
      return true;
    },
  };
}

function observationFrom(row: TargetObservation): Observation {
  const { standing, standingId, sight, ...rest } = row;
  const { periodSince, periodThread, periodTold, untold, ...seen } = rest;
  return {
    ...seen,
    sight: oneOf(sights, sight),
    standing:
      standing === null || standingId === null
        ? null
        : { as: oneOf(standings, standing), id: standingId },
    period:
      periodSince === null || periodThread === null
        ? null
        : {
            ...{ since: periodSince, thread: periodThread, untold },
            told: periodTold.map((kind) => oneOf(noticeKinds, kind)),
          },
  };
}
