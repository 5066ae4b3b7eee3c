/**
 * Says what will be started and when, where the target asks for cooling and nothing else is missing. The deliverer says it,
 * because it is who will start: what web shows is not what binds.
 */
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { AnnounceFailpoint } from '../domain/delivery.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';

export type AnnounceDependencies = {
  transactor: Transactor;
  promotions: Pick<PromotionStore, 'lock'>;
  recorder: Recorder;
  judge(question: { promotionId: string; now: Date }): Promise<{ verdict: Verdict } | null>;
  policyOf(target: string): Promise<{ policy: TargetPolicy; digest: string } | null>;
  failpoint: (name: AnnounceFailpoint) => void;
  clock: () => Date;
};

/** How long the ledger may take to publish an announcement before it is made again. */
const publishedWithinMs = 10_000;

/** Whether nothing is missing but that it is announced. */
export function awaitsAnnouncement(verdict: Verdict): boolean {
  if (verdict.allowed) return false;
  const [reason, ...others] = verdict.reasons;
  return others.length === 0 && reason.code === 'E_COOLING' && reason.startsAt === null;
}

/** @returns a function that announces the delivery of a promotion, unless that is not what it awaits or has just been done. */
export function createAnnouncer(
  dependencies: AnnounceDependencies,
): (promotionId: string) => Promise<{ startsAt: Date } | null> {
  const { promotions, recorder, failpoint, clock } = dependencies;
  const announced = new Map<string, number>();
  return async (promotionId) => {
    const before = announced.get(promotionId);
    if (before !== undefined && performance.now() - before < publishedWithinMs) return null;
    const startsAt = await dependencies.transactor.transaction(async (tx) => {
      const promotion = await promotions.lock(tx, promotionId);
      if (promotion === null) return null;
      const now = clock();
      const judgement = await dependencies.judge({ promotionId, now });
      const target = await dependencies.policyOf(promotion.target);
      const cooling = target?.policy.deliver.cooling;
      if (judgement === null || cooling === undefined) return null;
      if (!awaitsAnnouncement(judgement.verdict)) return null;
      const at = new Date(now.getTime() + cooling * 1000);
      await recorder.record(tx, {
        type: 'delivery.announced',
        at: now,
        actor: 'deliverer',
        subjectDigest: promotion.promotionDigest,
        refs: {
          promotion: promotion.id,
          target: promotion.target,
          release: promotion.release,
          artifact: promotion.artifactDigest,
          startsAt: at.toISOString(),
        },
      });
      failpoint('announcing');
      return at;
    });
    if (startsAt === null) return null;
    failpoint('announced');
    announced.set(promotionId, performance.now());
    return { startsAt };
  };
}
