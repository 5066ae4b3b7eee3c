import type { CoSignatureStore, KeptCoSignature } from '../../app/waiver-ports.ts';
import type { CoSignature as CoSignatureRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asBytes, asNumber } from './rows.ts';

export function createCoSignatureStore({ prisma }: GateDatabase): CoSignatureStore {
  return {
    async of(kind, subjectId) {
      const rows = await prisma.coSignature.findMany({
        where: { kind, subjectId },
        orderBy: [{ signedAt: 'asc' }, { nonce: 'asc' }],
      });
      return rows.map(keptFrom);
    },

    async insert(tx, kind, { statement, answer, ...kept }) {
      const { authenticatorData, clientDataJSON: clientDataJson, signature } = answer;
      await clientOf(tx).coSignature.create({
        data: {
          ...{ ...kept, kind, statement: asBytes(statement) },
          ...{ authenticatorData, clientDataJson, signature },
        },
      });
    },
  };
}

function keptFrom(row: CoSignatureRow): KeptCoSignature {
  const { subjectId, person, nonce, signedAt, credentialId, authenticatorData, signature } = row;
  return {
    ...{ subjectId, person, nonce, signedAt, credentialId },
    statement: asBuffer(row.statement),
    answer: { authenticatorData, clientDataJSON: row.clientDataJson, signature },
    signCountBefore: asNumber(row.signCountBefore),
  };
}
