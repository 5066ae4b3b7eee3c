import type { Elevation, ElevationStore } from '../../app/elevation-ports.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from './client.ts';

const columns = Prisma.sql`e.person, e.reason, e.began_at as "beganAt", e.ends_at as "endsAt", e.ended_at as "endedAt"`;

export function createElevationStore(db: Database): ElevationStore {
  return {
    async begin(session, person, { reason, minutes }) {
      return await db.$transaction(async (tx) => {
        // The session's row, so that two wishes at once come one after the other.
        await tx.$queryRaw`select 1 from web_session where sid_hash = ${session} for update`;
        await tx.$executeRaw`
          update elevation set ended_at = now() where sid_hash = ${session} and ended_at is null`;
        const [row] = await tx.$queryRaw<{ endsAt: Date }[]>`
          insert into elevation (sid_hash, person, reason, ends_at)
          values (${session}, ${person}, ${reason}, now() + make_interval(mins => ${minutes}::int))
          returning ends_at as "endsAt"`;
        if (row === undefined) throw new Error('an insert returned no row');
        return row.endsAt;
      });
    },

    async inForce(session, person) {
      const [row] = await db.$queryRaw<Elevation[]>`
        select ${columns} from elevation e
        where e.sid_hash = ${session} and e.person = ${person} and e.ended_at is null and e.ends_at > now()`;
      return row ?? null;
    },

    async allInForce() {
      return await db.$queryRaw<Elevation[]>`
        select ${columns} from elevation e join web_session s on s.sid_hash = e.sid_hash
        where e.ended_at is null and e.ends_at > now() and s.expires_at > now() order by e.id`;
    },

    async end(session, person) {
      const count = await db.$executeRaw`
        update elevation set ended_at = now()
        where sid_hash = ${session} and person = ${person} and ended_at is null and ends_at > now()`;
      return count === 1;
    },

    async newest(limit) {
      return await db.$queryRaw<Elevation[]>`
        select ${columns} from elevation e order by e.id desc limit ${limit}`;
    },
  };
}
