import type { RebuildStore } from '../../app/rebuild-ports.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { asBuffer, asBytes } from './rows.ts';

export function createRebuildStore(database: GateDatabase): RebuildStore {
  return {
    async of(promotionId) {
      const rows = await database.prisma.rebuild.findMany({
        where: { promotionId },
        orderBy: [{ receivedAt: 'asc' }, { builderId: 'asc' }, { subjectDigest: 'asc' }],
      });
      return rows.map((row) => ({
        promotionId: row.promotionId,
        builderId: row.builderId,
        subjectDigest: row.subjectDigest,
        keyId: row.keyId,
        envelope: asBuffer(row.envelope),
        difference: row.difference === null ? null : asBuffer(row.difference),
        receivedAt: row.receivedAt,
      }));
    },

    async answeredBy(builderId, promotionIds) {
      const rows = await database.prisma.rebuild.findMany({
        where: { builderId, promotionId: { in: [...promotionIds] } },
        select: { promotionId: true },
        distinct: ['promotionId'],
      });
      return new Set(rows.map((row) => row.promotionId));
    },

    async insert(tx, rebuild) {
      await onDuplicate(
        { rebuild_pkey: { code: 'rebuild-known', message: 'this builder has said so before' } },
        () =>
          clientOf(tx).rebuild.create({
            data: {
              promotionId: rebuild.promotionId,
              builderId: rebuild.builderId,
              subjectDigest: rebuild.subjectDigest,
              keyId: rebuild.keyId,
              envelope: asBytes(rebuild.envelope),
              difference: rebuild.difference === null ? null : asBytes(rebuild.difference),
              receivedAt: rebuild.receivedAt,
            },
          }),
      );
    },
  };
}
