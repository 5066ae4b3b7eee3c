/**
 * A delivery by break-glass, or outside its windows, leaves a debt: others look at it within the time that the target file says, or the target is
 * frozen. What is owed stands in the ledger, recorded by the authority before the delivery had a login.
 */
import { createHash } from 'node:crypto';
import { formatId } from '@airlock/common/ids';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { waiverKinds, type WaiverKind } from '@airlock/common/promotion/waiver';
import { rolesOf } from './access.ts';
import type { KnownStop, Stop } from './stop.ts';
import { stopDigest } from './stop.ts';

export type WaiverUse = {
  readonly kind: WaiverKind;
  readonly deliveryId: string;
  readonly promotionId: string;
  /** Of the document that has the justification, which is what a review signs. */
  readonly promotionDigest: string;
  readonly target: string;
  readonly release: string;
  readonly at: Date;
  /** Roster ids of who asked and whose approvals carried it: their review does not count. */
  readonly involved: readonly string[];
  /** How many others must look at it, and until when. */
  readonly reviews: number;
  readonly reviewBy: Date;
  /** Its target was frozen, because the review was not made in time. */
  readonly isFrozen: boolean;
  /** Null while it is owed. */
  readonly reviewed: { readonly at: Date; readonly people: readonly string[] } | null;
};

/** No target file can ask for fewer. */
const fewestReviews = 2;

export type OwedReview = { readonly count: number; readonly within: number };

/** What a target file says of a way that it opens; null where it opens none. */
export function openedWaiver(
  { breakGlass, windows }: Pick<TargetPolicy, 'breakGlass' | 'windows'>,
  kind: WaiverKind,
): { readonly rules: readonly NeededRule[]; readonly review: OwedReview } | null {
  if (kind === 'break-glass') {
    return breakGlass === undefined
      ? null
      : { rules: breakGlass.approvals, review: breakGlass.review };
  }
  const override = windows?.override;
  if (override === undefined) return null;
  const { role, count, review } = override;
  return { rules: [{ role, count }], review: { count: fewestReviews, within: review } };
}

/** Roles whose people may ask for it: of break-glass those who approve it, of an override also those of the rules. */
export function askersOf(policy: TargetPolicy, kind: WaiverKind): string[] {
  const rules = openedWaiver(policy, kind)?.rules ?? [];
  return rolesOf(kind === 'override' ? [...policy.approvals.rules, ...rules] : rules);
}

/** What the authority records of one, besides the digest of the document. */
export function useRefs(given: {
  readonly deliveryId: string;
  readonly promotionId: string;
  readonly target: string;
  readonly release: string;
  readonly at: Date;
  readonly asker: string;
  readonly approvers: readonly string[];
  /** Who started it by hand; null where it starts by itself. */
  readonly starter: string | null;
  readonly review: OwedReview;
}): Readonly<Record<string, string>> {
  const { deliveryId, promotionId, target, release, at, asker, approvers, starter, review } = given;
  return {
    ...{ delivery: deliveryId, promotion: promotionId, target, release, asker },
    ...Object.fromEntries(approvers.map((id, index) => [`approver${index + 1}`, id])),
    ...(starter === null ? {} : { starter }),
    reviews: String(review.count),
    reviewBy: new Date(at.getTime() + review.within * 1000).toISOString(),
  };
}

/** The kind that an entry of this type (`break-glass.used`, `override.reviewed`) is about; null for every other. */
export function waiverKindOf(
  type: string,
  act: 'used' | 'reviewed' | 'unreviewed',
): WaiverKind | null {
  return waiverKinds.find((kind) => type === `${kind}.${act}`) ?? null;
}

/** Of an entry that says that one was used; null for one that this version does not know how to read. */
export function useOfEntry({ type, at, subjectDigest, refs }: LedgerEntry): WaiverUse | null {
  const kind = waiverKindOf(type, 'used');
  const { delivery, promotion, target, release, asker, reviews, reviewBy } = refs;
  if (
    kind === null ||
    delivery === undefined ||
    promotion === undefined ||
    target === undefined ||
    release === undefined ||
    asker === undefined ||
    reviewBy === undefined ||
    !/^[1-9]\d?$/.test(reviews ?? '')
  ) {
    return null;
  }
  const approvers = Object.entries(refs).flatMap(([name, id]) =>
    /^(?:approver[1-9]\d*|starter)$/.test(name) ? [id] : [],
  );
  return {
    ...{ kind, deliveryId: delivery, promotionId: promotion, promotionDigest: subjectDigest },
    ...{ target, release, at: new Date(at), involved: [...new Set([asker, ...approvers])] },
    reviews: Math.max(fewestReviews, Number(reviews)),
    // A time that is none is over.
    reviewBy: Number.isNaN(Date.parse(reviewBy)) ? new Date(at) : new Date(reviewBy),
    ...{ isFrozen: false, reviewed: null },
  };
}

/** One debt out of two records of it: the earlier time, the larger number, everybody whom either names as involved. */
export const stricterOf = (one: WaiverUse, other: WaiverUse): WaiverUse => ({
  ...one,
  reviews: Math.max(one.reviews, other.reviews),
  reviewBy: one.reviewBy < other.reviewBy ? one.reviewBy : other.reviewBy,
  involved: [...new Set([...one.involved, ...other.involved])],
});

export const isOwed = ({ reviewed }: WaiverUse): boolean => reviewed === null;

export const isOverdue = (use: WaiverUse, now: Date): boolean => isOwed(use) && use.reviewBy <= now;

/** By whom such a freeze is placed: no person's id, which are at least looked up in the roster. */
export const freezer = 'watchdog';

/**
 * The freeze of a target whose review was not made in time. The same for the same delivery, id included, so that it is placed
 * once, and not again after two people lifted it.
 */
export function freezeFor(use: WaiverUse): KnownStop & { readonly reason: string } {
  const bytes = createHash('sha256').update(`${use.kind} ${use.deliveryId}`).digest();
  const stop: Stop & { readonly reason: string } = {
    ...{ id: formatId('stp', bytes), kind: 'freeze', targets: [use.target], matter: null },
    ...{ since: null, until: null, except: [], person: freezer, placedAt: use.reviewBy },
    reason: `the delivery by ${use.kind} ${use.deliveryId} was not looked at by ${use.reviews} others until ${use.reviewBy.toISOString()}`,
  };
  return { ...stop, digest: stopDigest(stop) };
}
