/**
 * Claims a promotion for delivery: the moment after which nothing can change what is delivered.
 *
 * Approvals, rejections and starts take the promotion's row lock first, so the verdict given under it stands until the
 * claim is committed together with the ledger's `delivery.intent`. A stop belongs to no promotion and has a lock of its own,
 * which is taken after the judgement: however long that takes, nobody who stops waits for it.
 */
import { formatId, type Id } from '@airlock/common/ids';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { ProvenRelease } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts, Verdict } from '../domain/verdict.ts';
import { awaitsAnnouncement } from './announce-delivery.ts';
import type { DeliveryStore, Fenced } from './delivery-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transaction, type Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { StopStore } from './stop-ports.ts';

export type StartedDelivery = {
  readonly delivery: Fenced & { readonly id: Id<'dlv'>; readonly intentDigest: string };
  readonly promotion: Promotion;
  /** The approved policy: its digest is the one in the approved document. */
  readonly policy: TargetPolicy;
  /** What its verdict rested on under the lock: a quarantine of any of it ends the delivery. */
  readonly restsOn: readonly string[];
  /** It takes the place of a delivery that was interrupted while its hook ran. */
  readonly isRepeat: boolean;
  /** What is put back when the verification fails; null where the target file asks for no return, or nothing was live. */
  readonly returnTo: ProvenRelease | null;
};

export type StartDependencies = {
  transactor: Transactor;
  promotions: Pick<PromotionStore, 'lock' | 'setState'>;
  deliveries: Pick<DeliveryStore, 'insert'>;
  stops: Pick<StopStore, 'count' | 'hold'>;
  recorder: Recorder;
  judge(question: { promotionId: string; now: Date }): Promise<Judgement | null>;
  /** Told of a judgement, whatever it is, outside of any lock. */
  onJudged?(facts: PromotionFacts): Promise<void>;
  policyOf(target: string): Promise<{ policy: TargetPolicy; digest: string } | null>;
  /** By the whole ledger: a row could name bytes that never were live. */
  provenLive(target: string): Promise<ProvenRelease | null>;
  /** Name of this process on this machine, for people. */
  owner: string;
  clock: () => Date;
  randomBytes(count: number): Uint8Array;
  /** Called when nothing is missing but that the delivery is announced. */
  announce(promotionId: string): Promise<unknown>;
  /** Another deliverer, or a rejection, was first; `code` is the store's, such as `E_DELIVERY_CLAIMED`. */
  onLostRace(promotionId: string, code: string): void;
};

/**
 * Looks at a promotion that may still wait for somebody, as most do: those are left without a lock.
 *
 * @returns null when the promotion may not be delivered now; the reasons are on its page.
 */
export async function startDelivery(
  dependencies: StartDependencies,
  promotionId: string,
): Promise<StartedDelivery | null> {
  const first = await dependencies.judge({ promotionId, now: dependencies.clock() });
  if (first === null) return null;
  await told(dependencies, first);
  return first.verdict.allowed ? (await claim(dependencies, promotionId)).started : null;
}

/**
 * As `startDelivery`, for a promotion that somebody has just decided on: judged once, under its lock. Whoever else decides on
 * it waits as long as one judgement takes.
 */
export async function startAtOnce(
  dependencies: StartDependencies,
  promotionId: string,
): Promise<StartedDelivery | null> {
  const { judgement, started } = await claim(dependencies, promotionId);
  if (judgement !== null) await told(dependencies, judgement);
  return started;
}

type Judgement = { readonly facts: PromotionFacts; readonly verdict: Verdict };

async function told(
  dependencies: Pick<StartDependencies, 'onJudged' | 'announce'>,
  { facts, verdict }: Judgement,
): Promise<void> {
  await dependencies.onJudged?.(facts);
  if (awaitsAnnouncement(verdict)) await dependencies.announce(facts.promotion.id);
}

/** @returns the judgement under the lock, null where it came to none; `started` is null unless it allows and nothing came between. */
async function claim(
  dependencies: StartDependencies,
  promotionId: string,
): Promise<{ readonly judgement: Judgement | null; readonly started: StartedDelivery | null }> {
  const { promotions, clock } = dependencies;
  let judgement: Judgement | null = null;
  try {
    const started = await dependencies.transactor.transaction(async (tx) => {
      const promotion = await promotions.lock(tx, promotionId);
      if (promotion === null) return null;
      const now = clock();
      const stops = await dependencies.stops.count();
      judgement = await dependencies.judge({ promotionId, now });
      const target = await dependencies.policyOf(promotion.target);
      if (judgement === null || !judgement.verdict.allowed) return null;
      if (target?.digest !== promotion.policyDigest) return null;
      if (judgement.facts.promotion.promotionDigest !== promotion.promotionDigest) return null;
      // One was placed while it was judged: it is judged again in the next pass.
      if ((await dependencies.stops.hold(tx)) !== stops) return null;
      await promotions.setState(tx, {
        id: promotion.id,
        from: 'waiting',
        to: 'delivering',
        reason: null,
        at: now,
      });
      return await begin(dependencies, tx, {
        ...{ promotion, now, policy: target.policy, repeats: null },
        id: formatId('dlv', dependencies.randomBytes(10)),
        facts: judgement.facts,
      });
    });
    return { judgement, started };
  } catch (cause) {
    if (!(cause instanceof StoreError) || !lostRaces.has(cause.code)) throw cause;
    dependencies.onLostRace(promotionId, cause.code);
    return { judgement, started: null };
  }
}

/** Records the intent and the delivery of a promotion that is locked and `delivering`. @throws StoreError as `insert` does. */
export async function begin(
  dependencies: Pick<StartDependencies, 'deliveries' | 'recorder' | 'provenLive' | 'owner'>,
  tx: Transaction,
  given: {
    readonly id: Id<'dlv'>;
    readonly promotion: Promotion;
    readonly policy: TargetPolicy;
    /** Those of the verdict that let it begin. */
    readonly facts: Pick<PromotionFacts, 'approvals' | 'restsOn' | 'start' | 'exceptedFrom'>;
    /** The interrupted delivery whose place it takes. */
    readonly repeats: string | null;
    readonly now: Date;
  },
): Promise<StartedDelivery> {
  const { id, promotion, policy, facts, repeats, now } = given;
  const startedBy = facts.start?.startedBy ?? null;
  // An entry holds 256 characters, sixteen ids and no more.
  const exceptedFrom = facts.exceptedFrom.slice(0, 16).join(' ');
  const returnTo =
    policy.rollback?.auto === 'onVerifyFailed'
      ? await dependencies.provenLive(promotion.target)
      : null;
  const intentDigest = await dependencies.recorder.record(tx, {
    type: 'delivery.intent',
    at: now,
    actor: 'deliverer',
    subjectDigest: promotion.promotionDigest,
    refs: {
      delivery: id,
      promotion: promotion.id,
      target: promotion.target,
      release: promotion.release,
      artifact: promotion.artifactDigest,
      // From here, and from no row, comes what is live once the delivery has succeeded.
      commit: promotion.commit,
      position: String(promotion.mainPosition),
      hook: promotion.hook,
      approvals: String(facts.approvals.have),
      ...(repeats === null ? {} : { repeats }),
      ...(startedBy === null ? {} : { startedBy }),
      ...(exceptedFrom === '' ? {} : { exceptedFrom }),
      ...(returnTo === null
        ? {}
        : { returnTo: returnTo.deliveryId, returnArtifact: returnTo.artifactDigest }),
    },
  });
  await dependencies.deliveries.insert(tx, {
    ...{ id, promotionId: promotion.id, target: promotion.target, intentDigest, repeats },
    owner: dependencies.owner,
    verification: policy.verify === undefined ? null : 'due',
    at: now,
  });
  const delivery = { id, fence: 1, intentDigest };
  const { restsOn } = facts;
  return { delivery, promotion, policy, restsOn, returnTo, isRepeat: repeats !== null };
}

export const lostRaces: ReadonlySet<string> = new Set([
  'row-changed',
  'target-busy',
  'E_DELIVERY_CLAIMED',
]);
