import type { KeptLift, StopStore } from '../../app/stop-ports.ts';
import { stopKinds, type KnownStop } from '../../domain/stop.ts';
import type { Stop as StopRow, StopLift as LiftRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asBytes, asNumber, oneOf } from './rows.ts';

const newest = 200;
/** "airlstop" as a 64-bit number: whoever places a stop has it alone, who begins a delivery shares it. */
const stopsLock = 0x61_69_72_6c_73_74_6f_70n;

export function createStopStore({ prisma, pool }: GateDatabase): StopStore {
  return {
    async recent() {
      // Asked in each judgement and before each step of a delivery, so it is prepared.
      const { rows } = await pool.query<StopRow>({
        name: 'stop-recent',
        text: `select id, digest, kind, targets, matter, since, until, except_for as "exceptFor",
            reason, person, placed_at as "placedAt"
          from stop order by placed_at desc, id limit $1`,
        values: [newest],
      });
      return rows.map(stopFrom);
    },

    async lifts(stopId) {
      const rows = await prisma.stopLift.findMany({
        where: { stopId },
        orderBy: [{ signedAt: 'asc' }, { nonce: 'asc' }],
      });
      return rows.map(liftFrom);
    },

    count: () => prisma.stop.count(),

    async hold(tx) {
      const client = clientOf(tx);
      await client.$executeRaw`select pg_advisory_xact_lock_shared(${stopsLock}::bigint)`;
      return client.stop.count();
    },

    async insert(tx, { except, targets, ...stop }) {
      const client = clientOf(tx);
      await client.$executeRaw`select pg_advisory_xact_lock(${stopsLock}::bigint)`;
      await client.stop.create({
        data: { ...stop, targets: [...targets], exceptFor: [...except] },
      });
    },

    async insertLift(tx, { statement, answer, ...lift }) {
      const { authenticatorData, clientDataJSON: clientDataJson, signature } = answer;
      await clientOf(tx).stopLift.create({
        data: {
          ...{ ...lift, statement: asBytes(statement) },
          ...{ authenticatorData, clientDataJson, signature },
        },
      });
    },
  };
}

function stopFrom({ exceptFor, kind, ...row }: StopRow): KnownStop {
  return { ...row, kind: oneOf(stopKinds, kind), except: exceptFor };
}

function liftFrom(row: LiftRow): KeptLift {
  const { stopId, person, nonce, signedAt, credentialId, authenticatorData, signature } = row;
  return {
    ...{ stopId, person, nonce, signedAt, credentialId },
    statement: asBuffer(row.statement),
    answer: { authenticatorData, clientDataJSON: row.clientDataJson, signature },
    signCountBefore: asNumber(row.signCountBefore),
  };
}
