import type { DeliveryHistory } from '../../app/source-ports.ts';
import type { Database } from './client.ts';

export function createDeliveryHistory(db: Database): DeliveryHistory {
  return {
    deliveries: (limit) =>
      db.webhookDelivery.findMany({
        orderBy: { receivedAt: 'desc' },
        take: limit,
        select: {
          ...{ provider: true, event: true, repository: true, deliveryId: true, state: true },
          ...{ reason: true, relayed: true, receivedAt: true },
        },
      }),
    async refusals(limit) {
      const rows = await db.webhookRefusal.findMany({ orderBy: { lastAt: 'desc' }, take: limit });
      return rows.map(({ provider, repository, code, count, lastAt, lastFrom }) => ({
        ...{ provider, repository, code, count, lastAt, from: lastFrom },
      }));
    },
  };
}
