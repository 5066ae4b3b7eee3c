import { authenticity, identityOf } from '@airlock/common/webhook/signature';
import type { IntakeAnswer, RefusedDelivery, TakeDelivery } from '@airlock/process/webhook-intake';
import { lookAtWebhooks } from '../bells.ts';
import type { Events } from '../events.ts';
import type { Bell } from './ports.ts';
import type { DeliveryStore } from './source-ports.ts';

/**
 * What is done with a delivery, whichever way it came: its sender is proved, it is written down, and nothing of it is acted
 * on; the scheduler does, from the row. Rejects when it could not be written down.
 */
export function createTakeDelivery(ports: {
  readonly deliveries: Pick<DeliveryStore, 'take'>;
  readonly bell: Bell;
  readonly events: Pick<Events, 'webhookTaken'>;
  onRefused(refused: RefusedDelivery): void;
}): TakeDelivery {
  return async ({ hook, headers, body, at, from, relayed }) => {
    const { provider, repository } = hook;
    const refuse = (status: 400 | 403, code: string, detail: string): IntakeAnswer => {
      ports.onRefused({ provider, repository: repository ?? '', code, from });
      return { status, code, detail };
    };
    const judged = authenticity(provider, { headers, body, at }, hook.secret);
    if (!judged.authentic) return refuse(403, judged.code, judged.why);
    const identity = identityOf(provider, headers);
    if ('missing' in identity) {
      return refuse(400, 'header-missing', `${identity.missing} is missing or malformed`);
    }
    const { id, event } = identity;
    const isNew = await ports.deliveries.take({ provider, repository, id, event, body, relayed });
    ports.events.webhookTaken({ provider, id, event, repeated: !isNew });
    if (isNew) ports.bell.ring(lookAtWebhooks);
    return isNew
      ? { status: 202, code: 'taken', detail: 'written down' }
      : { status: 202, code: 'repeated', detail: 'it came before' };
  };
}
