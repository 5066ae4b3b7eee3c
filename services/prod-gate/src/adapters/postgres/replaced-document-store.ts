import type { ReplacedDocumentStore } from '../../app/approval-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asBytes } from './rows.ts';

export function createReplacedDocumentStore(database: GateDatabase): ReplacedDocumentStore {
  return {
    async of(promotionId) {
      const rows = await database.prisma.replacedDocument.findMany({
        where: { promotionId },
        orderBy: [{ replacedAt: 'asc' }],
      });
      return rows.map((row) => ({ ...row, document: asBuffer(row.document) }));
    },

    async insert(tx, { document, changed, ...replaced }) {
      // Asked for, taken back and asked for again, a document is replaced more than once; the first time is kept.
      await clientOf(tx).replacedDocument.createMany({
        data: [{ ...replaced, document: asBytes(document), changed: [...changed] }],
        skipDuplicates: true,
      });
    },
  };
}
