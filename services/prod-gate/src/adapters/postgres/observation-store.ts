import type { ObservationStore } from '../../app/observation-ports.ts';
import { sights, toldStates, type Observation } from '../../domain/observation.ts';
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

    async claim(target, { id, now, until }) {
      const claimed = await prisma.$executeRaw`
        insert into target_look (target, id, until) values (${target}, ${id}, ${until})
        on conflict (target) do update set id = excluded.id, until = excluded.until
        where target_look.until <= ${now}`;
      return claimed === 1;
    },

    async release(target, id) {
      await prisma.targetLook.deleteMany({ where: { target, id } });
    },

    async put(tx, observation, id) {
      const client = clientOf(tx);
      const { target, told, running, ...seen } = observation;
      const { count } = await client.targetLook.deleteMany({ where: { target, id } });
      if (count === 0) return false;
      const data = {
        ...seen,
        running: [...running],
        ...{ told: told?.as ?? null, toldId: told?.id ?? null },
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

function observationFrom({ told, toldId, sight, ...row }: TargetObservation): Observation {
  return {
    ...row,
    sight: oneOf(sights, sight),
    told: told === null || toldId === null ? null : { as: oneOf(toldStates, told), id: toldId },
  };
}
