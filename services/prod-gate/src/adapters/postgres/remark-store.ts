import type { RemarkStore } from '../../app/remark-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asNumber } from './rows.ts';

export function createRemarkStore({ prisma }: GateDatabase): RemarkStore {
  return {
    async of(promotionId) {
      const rows = await prisma.promotionRemark.findMany({
        where: { promotionId },
        select: { id: true, person: true, text: true, at: true },
        orderBy: { id: 'asc' },
      });
      return rows.map(({ id, ...remark }) => ({ id: asNumber(id), ...remark }));
    },

    async countOf(person, since) {
      return prisma.promotionRemark.count({ where: { person, at: { gt: since } } });
    },

    async insert(tx, promotionId, remark) {
      const { id } = await clientOf(tx).promotionRemark.create({
        data: { promotionId, ...remark },
        select: { id: true },
      });
      return asNumber(id);
    },
  };
}
