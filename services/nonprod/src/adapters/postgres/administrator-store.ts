import type { AdministratorStore, Asker } from '../../app/elevation-ports.ts';
import type { AdministratorWish } from '../../domain/elevation.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from './client.ts';

const columns = Prisma.sql`w.id::text as id, w.person, w.reason, w.asked_at as "askedAt", w.admitted_by as "admittedBy"`;

/** In the statement itself, so that nobody says yes in the moment in which their own time ended. */
const isAdministrator = ({ person, session }: Asker): Prisma.Sql => Prisma.sql`exists (
  select 1 from elevation e where e.sid_hash = ${session} and e.person = ${person}
    and e.ended_at is null and e.ends_at > now())`;

export function createAdministratorStore(db: Database): AdministratorStore {
  return {
    async wishOf(person) {
      const [row] = await db.$queryRaw<AdministratorWish[]>`
        select ${columns} from administrator_wish w where w.person = ${person} and w.withdrawn_at is null`;
      return row ?? null;
    },

    async wishes() {
      return await db.$queryRaw<AdministratorWish[]>`
        select ${columns} from administrator_wish w where w.withdrawn_at is null
        order by w.admitted_at is not null, w.id`;
    },

    async ask(person, reason) {
      const count = await db.$executeRaw`
        insert into administrator_wish (person, reason) values (${person}, ${reason})
        on conflict (person) where withdrawn_at is null do nothing`;
      return count === 1;
    },

    async admit(wish, by) {
      const [row] = await db.$queryRaw<{ person: string }[]>`
        update administrator_wish set admitted_by = ${by.person}, admitted_at = now()
        where id::text = ${wish} and person <> ${by.person} and admitted_at is null and withdrawn_at is null
          and ${isAdministrator(by)}
        returning person`;
      return row?.person ?? null;
    },

    async withdraw(wish, by) {
      return await db.$transaction(async (tx) => {
        const [row] = await tx.$queryRaw<{ person: string }[]>`
          update administrator_wish set withdrawn_by = ${by.person}, withdrawn_at = now()
          where id::text = ${wish} and withdrawn_at is null and ${isAdministrator(by)}
          returning person`;
        if (row === undefined) return null;
        await tx.$executeRaw`
          update elevation set ended_at = now() where person = ${row.person} and ended_at is null and ends_at > now()`;
        return row.person;
      });
    },
  };
}
