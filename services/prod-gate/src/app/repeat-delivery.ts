/**
 * Makes a delivery once more whose deliverer died while its hook ran, where the hook says that this may be done. The promotion
 * has stayed `delivering`; it is judged again, under the lock, as a whole: what has been stopped, has expired or was withdrawn
 * meanwhile is not repeated, and then a person is told to look.
 */
import { formatId } from '@airlock/common/ids';
import { repeatIsDue, passing } from '../domain/repeat.ts';
import { contractCode, type PromotionFacts, type Verdict } from '../domain/verdict.ts';
import {
  begin,
  lostRaces,
  type StartDependencies,
  type StartedDelivery,
} from './start-delivery.ts';
import type { Delivery, DeliveryStore } from './delivery-ports.ts';
import { StoreError, type Transaction } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { Promotion } from '../domain/promotion.ts';

export type RepeatDependencies = Omit<
  StartDependencies,
  'deliveries' | 'judge' | 'promotions' | 'announce'
> & {
  promotions: Pick<PromotionStore, 'lock' | 'setState'>;
  deliveries: Pick<DeliveryStore, 'insert' | 'ofPromotion'>;
  judge(question: {
    promotionId: string;
    deliveryId: string;
    now: Date;
  }): Promise<{ facts: PromotionFacts; verdict: Verdict } | null>;
};

/** @returns null when there is nothing to repeat, or not now. */
export async function repeatDelivery(
  dependencies: RepeatDependencies,
  promotionId: string,
): Promise<StartedDelivery | null> {
  const { promotions, deliveries, clock } = dependencies;
  // Most that are being delivered run; those are left without a lock.
  const running = await deliveries.ofPromotion(promotionId);
  if (running === null || !isInterrupted(running)) return null;
  try {
    return await dependencies.transactor.transaction(async (tx) => {
      const promotion = await promotions.lock(tx, promotionId);
      const before = await deliveries.ofPromotion(promotionId);
      if (promotion?.state !== 'delivering' || before === null || !isInterrupted(before)) {
        return null;
      }
      const id = formatId('dlv', dependencies.randomBytes(10));
      const now = clock();
      const stops = await dependencies.stops.count();
      const judgement = await dependencies.judge({ promotionId, deliveryId: id, now });
      const target = await dependencies.policyOf(promotion.target);
      const codes = codesAgainst(judgement, promotion, target?.digest ?? null);
      if (judgement === null || target === null || codes.length > 0) {
        if (codes.some((code) => !passing.has(code)))
          await giveUp(tx, { promotion, before, codes, now });
        return null;
      }
      if ((await dependencies.stops.hold(tx)) !== stops) return null;
      return await begin(dependencies, tx, {
        ...{ id, promotion, now, policy: target.policy, repeats: before.id },
        facts: judgement.facts,
      });
    });
  } catch (cause) {
    if (!(cause instanceof StoreError) || !lostRaces.has(cause.code)) throw cause;
    dependencies.onLostRace(promotionId, cause.code);
    return null;
  }

  async function giveUp(
    tx: Transaction,
    given: { promotion: Promotion; before: Delivery; codes: readonly string[]; now: Date },
  ): Promise<void> {
    const { promotion, before, codes, now } = given;
    await promotions.setState(tx, {
      id: promotion.id,
      from: 'delivering',
      to: 'indeterminate',
      reason: `interrupted while the hook ran, and not made once more (${codes.join(', ')}); check what runs in production`,
      at: now,
    });
    await dependencies.recorder.record(tx, {
      type: 'delivery.stage',
      at: now,
      actor: 'deliverer',
      subjectDigest: promotion.promotionDigest,
      refs: { delivery: before.id, stage: 'repeat', state: 'given-up' },
    });
  }
}

function isInterrupted(delivery: Delivery): boolean {
  return (
    delivery.state === 'indeterminate' &&
    repeatIsDue({
      startedAt: delivery.hookStartedAt,
      finishedAt: delivery.hookFinishedAt,
      exit: delivery.hookExit,
      verification: delivery.verification,
      kind: delivery.hookKind,
      isRepeat: delivery.repeats !== null,
    })
  );
}

function codesAgainst(
  judgement: { facts: PromotionFacts; verdict: Verdict } | null,
  promotion: Promotion,
  policyDigest: string | null,
): readonly string[] {
  if (judgement === null) return ['promotion-unknown'];
  const { facts, verdict } = judgement;
  return [
    ...(verdict.allowed ? [] : verdict.reasons.map(contractCode)),
    ...(policyDigest === promotion.policyDigest ? [] : ['E_POLICY_CHANGED']),
    ...(facts.promotion.promotionDigest === promotion.promotionDigest ? [] : ['promotion-changed']),
  ];
}
