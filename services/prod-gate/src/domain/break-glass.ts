/**
 * A delivery by break-glass leaves a debt: others look at it within the time that the target file says, or the target is
 * frozen. What is owed stands in the ledger, recorded by the authority before the delivery had a login.
 */
import { createHash } from 'node:crypto';
import { formatId } from '@airlock/common/ids';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { TargetBreakGlass } from '@airlock/common/policy/target-break-glass';
import type { KnownStop, Stop } from './stop.ts';
import { stopDigest } from './stop.ts';

export type BreakGlassUse = {
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

/** What the authority records of one, besides the digest of the document. */
export function useRefs(given: {
  readonly deliveryId: string;
  readonly promotionId: string;
  readonly target: string;
  readonly release: string;
  readonly at: Date;
  readonly asker: string;
  readonly approvers: readonly string[];
  readonly review: TargetBreakGlass['review'];
}): Readonly<Record<string, string>> {
  const { deliveryId, promotionId, target, release, at, asker, approvers, review } = given;
  return {
    ...{ delivery: deliveryId, promotion: promotionId, target, release, asker },
    ...Object.fromEntries(approvers.map((id, index) => [`approver${index + 1}`, id])),
    reviews: String(review.count),
    reviewBy: new Date(at.getTime() + review.within * 1000).toISOString(),
  };
}

/** Of an entry `break-glass.used`; null for one that this version does not know how to read. */
export function useOfEntry({ at, subjectDigest, refs }: LedgerEntry): BreakGlassUse | null {
  const { delivery, promotion, target, release, asker, reviews, reviewBy } = refs;
  if (
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
    /^approver[1-9]\d*$/.test(name) ? [id] : [],
  );
  return {
    ...{ deliveryId: delivery, promotionId: promotion, promotionDigest: subjectDigest },
    ...{ target, release, at: new Date(at), involved: [...new Set([asker, ...approvers])] },
    reviews: Math.max(fewestReviews, Number(reviews)),
    // A time that is none is over.
    reviewBy: Number.isNaN(Date.parse(reviewBy)) ? new Date(at) : new Date(reviewBy),
    ...{ isFrozen: false, reviewed: null },
  };
}

/** One debt out of two records of it: the earlier time, the larger number, everybody whom either names as involved. */
export const stricterOf = (one: BreakGlassUse, other: BreakGlassUse): BreakGlassUse => ({
  ...one,
  reviews: Math.max(one.reviews, other.reviews),
  reviewBy: one.reviewBy < other.reviewBy ? one.reviewBy : other.reviewBy,
  involved: [...new Set([...one.involved, ...other.involved])],
});

export const isOwed = ({ reviewed }: BreakGlassUse): boolean => reviewed === null;

export const isOverdue = (use: BreakGlassUse, now: Date): boolean =>
  isOwed(use) && use.reviewBy <= now;

/** By whom such a freeze is placed: no person's id, which are at least looked up in the roster. */
export const freezer = 'watchdog';

/**
 * The freeze of a target whose review was not made in time. The same for the same delivery, id included, so that it is placed
 * once, and not again after two people lifted it.
 */
export function freezeFor(use: BreakGlassUse): KnownStop & { readonly reason: string } {
  const bytes = createHash('sha256').update(`break-glass ${use.deliveryId}`).digest();
  const stop: Stop & { readonly reason: string } = {
    ...{ id: formatId('stp', bytes), kind: 'freeze', targets: [use.target], matter: null },
    ...{ since: null, until: null, except: [], person: freezer, placedAt: use.reviewBy },
    reason: `the delivery by break-glass ${use.deliveryId} was not looked at by ${use.reviews} others until ${use.reviewBy.toISOString()}`,
  };
  return { ...stop, digest: stopDigest(stop) };
}
