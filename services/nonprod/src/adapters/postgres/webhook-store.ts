import type { WebhookStore } from '../../app/ports.ts';
import type { Database } from './client.ts';

export function createWebhookStore(db: Database): WebhookStore {
  return {
    async firstTime({ provider, id, event }) {
      const { count } = await db.webhookDelivery.createMany({
        data: { provider, deliveryId: id, event },
        skipDuplicates: true,
      });
      return count === 1;
    },
  };
}
