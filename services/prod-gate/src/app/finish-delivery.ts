/** Puts on record how a delivery ended, and what is live by it. */
import type { DeliveryOutcome } from '../domain/delivery.ts';
import { mine, type Saga } from './delivery-saga.ts';

export async function finishDelivery(saga: Saga, outcome: DeliveryOutcome): Promise<void> {
  const { dependencies, started, book, heart, transaction, record, untilStored } = saga;
  const { deliveries, promotions, log, clock } = dependencies;
  const { delivery, promotion } = started;
  const at = clock();
  const stopped = heart.stopped();
  await untilStored(async () => {
    await transaction(async (tx) => {
      mine(await deliveries.setStep(tx, delivery, 'finished'));
      mine(await deliveries.finish(tx, delivery, { ...outcome, at }));
      await promotions.setState(tx, {
        id: promotion.id,
        from: 'delivering',
        to: outcome.state === 'succeeded' ? 'live' : outcome.state,
        reason: outcome.reason,
        at,
      });
      if (outcome.state === 'succeeded') {
        await promotions.setLive(tx, {
          target: promotion.target,
          promotionId: promotion.id,
          deliveryId: delivery.id,
          release: promotion.release,
          artifactDigest: promotion.artifactDigest,
          commit: promotion.commit,
          mainPosition: promotion.mainPosition,
          since: at,
        });
      }
      await record(tx, at, 'delivery.finished', {
        promotion: promotion.id,
        target: promotion.target,
        state: outcome.state,
        ...(stopped === null ? {} : { stop: stopped.stop, stopSeenAt: stopped.at.toISOString() }),
      });
    });
  });
  book.write(
    'gate',
    `delivery ${outcome.state}${outcome.reason === null ? '' : `: ${outcome.reason}`}`,
  );
  log.info('delivery.finished', {
    deliveryId: delivery.id,
    promotionId: promotion.id,
    state: outcome.state,
    reason: outcome.reason,
  });
}
