import type { KeptLift, StopStore } from '../../app/stop-ports.ts';
import { stopKinds, type KnownStop } from '../../domain/stop.ts';
import type { Stop as StopRow, StopLift as LiftRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asBytes, asNumber, oneOf } from './rows.ts';

const newest = 200;

export function createStopStore({ prisma }: GateDatabase): StopStore {
  return {
    async recent() {
      const rows = await prisma.stop.findMany({
        orderBy: [{ placedAt: 'desc' }, { id: 'asc' }],
        take: newest,
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

    async insert(tx, { except, targets, ...stop }) {
      await clientOf(tx).stop.create({
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
