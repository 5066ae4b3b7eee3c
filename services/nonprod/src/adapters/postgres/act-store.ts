import type { ActStore } from '../../app/act-ports.ts';
import { actEnd, objectOf } from '../../domain/act.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from './client.ts';

interface Row {
  readonly id: bigint;
  readonly request_id: string;
  readonly at: Date;
  readonly person: string;
  readonly deed: string;
  readonly path: string;
  readonly object: string | null;
  readonly address: string;
  readonly token: string | null;
  readonly status: number | null;
  readonly code: string | null;
}

/** What follows a path so long is nobody's name. */
const longestPath = 1000;

export function createActStore(db: Database): ActStore {
  return {
    async begin({ requestId, person, deed, path, address, token }, fields) {
      await db.$executeRaw`
        insert into act (request_id, person, deed, path, object, address, token)
        values (${requestId}, ${person}, ${deed}, ${path.slice(0, longestPath)}, ${objectOf(fields)},
          ${address}, ${token})`;
    },

    async end(requestId, { status, code }) {
      const count = await db.$executeRaw`
        insert into act_outcome (act_id, status, code)
        select id, ${status}, ${code} from act where request_id = ${requestId}`;
      if (count !== 1) throw new Error(`no act of request ${requestId} was begun`);
    },

    async list({ person, object, day, before }, limit) {
      const wanted = [
        Prisma.sql`true`,
        ...(person === null ? [] : [Prisma.sql`person = ${person}`]),
        ...(object === null
          ? []
          : [Prisma.sql`(position(${object} in path) > 0 or position(${object} in object) > 0)`]),
        ...(day === null
          ? []
          : [
              Prisma.sql`a.at >= ${day}::date::timestamp at time zone 'utc'
                and a.at < (${day}::date + 1)::timestamp at time zone 'utc'`,
            ]),
        ...(before === null ? [] : [Prisma.sql`id < ${BigInt(before)}`]),
      ];
      const rows = await db.$queryRaw<Row[]>`
        select id, request_id, a.at, person, deed, path, object, address, token, status, code
        from act a left join act_outcome on act_id = id
        where ${Prisma.join(wanted, ' and ')} order by id desc limit ${limit}`;
      return rows.map(({ id, request_id: requestId, status, ...row }) => ({
        ...row,
        ...{ id: String(id), requestId, status, end: actEnd(status) },
      }));
    },
  };
}
