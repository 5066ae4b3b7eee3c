import type { StartStore } from '../../app/start-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';

export function createStartStore({ prisma }: GateDatabase): StartStore {
  return {
    async of(promotionId) {
      return prisma.deliveryStart.findMany({
        where: { promotionId },
        select: { promotionDigest: true, person: true, at: true },
        orderBy: { id: 'asc' },
      });
    },

    async insert(tx, promotionId, act) {
      await clientOf(tx).deliveryStart.create({ data: { promotionId, ...act } });
    },
  };
}
