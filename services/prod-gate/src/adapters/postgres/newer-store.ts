import type { NewerStore } from '../../app/newer-ports.ts';
import { NewerCommits } from '../../domain/newer.ts';
import type { GateDatabase } from './client.ts';

export function createNewerStore(database: GateDatabase): NewerStore {
  return {
    async of(promotionId) {
      const row = await database.prisma.promotionNewer.findUnique({ where: { promotionId } });
      return row === null ? null : NewerCommits.parse(row.newer);
    },
    async put(promotionId, newer) {
      const fields = { head: newer.head, newer, readAt: new Date() };
      await database.prisma.promotionNewer.upsert({
        where: { promotionId },
        create: { promotionId, ...fields },
        update: fields,
      });
    },
  };
}
