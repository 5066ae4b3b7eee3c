/** What was delivered by break-glass or outside its windows, who has looked at it and what is still owed: for the page, and for the banner on every other. */
import { parsePromotionDocument, promotionDigest } from '@airlock/common/promotion/document';
import { waiverOf } from '@airlock/common/promotion/waiver';
import { isOwed, type WaiverUse } from '../domain/waiver.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { PromotionStore } from './promotion-ports.ts';
import { judgeReviews } from './review-waiver.ts';
import { nameOf } from './view-promotion.ts';

export type ShownUse = {
  readonly use: WaiverUse;
  /** Of the document that was approved; null where the database no longer has that one. */
  readonly justification: string | null;
  /** Roster ids of those who have looked at it. */
  readonly signedBy: readonly string[];
  /** Of everybody in it, by roster id; the id itself of who is in the roster no more. */
  readonly names: ReadonlyMap<string, string>;
};

/** @returns newest first. @throws LedgerError while no ledger can be proven. */
export async function viewReviews(
  sources: Parameters<typeof judgeReviews>[0] & {
    readonly promotions: Pick<PromotionStore, 'evidence'>;
  },
  now: Date,
): Promise<readonly ShownUse[]> {
  const [ledger, files] = await Promise.all([sources.ledger(), sources.files()]);
  return Promise.all(
    ledger
      .waiverUses()
      .toReversed()
      .map(async (use) => {
        const signedBy = use.reviewed?.people ?? (await judgeReviews(sources, use, now)).people;
        const people = [...use.involved, ...signedBy];
        return {
          ...{ use, signedBy },
          justification: await justificationOf(sources.promotions, use),
          names: new Map(people.map((id) => [id, nameOf(files, id)])),
        };
      }),
  );
}

async function justificationOf(
  promotions: Pick<PromotionStore, 'evidence'>,
  use: WaiverUse,
): Promise<string | null> {
  const evidence = await promotions.evidence(use.promotionId);
  if (evidence === null || promotionDigest(evidence.document) !== use.promotionDigest) return null;
  return waiverOf(parsePromotionDocument(evidence.document))?.justification ?? null;
}

/** Those that others still have to look at, the one that is due first on top. */
export async function owedReviews(ledger: FollowLedger): Promise<readonly WaiverUse[]> {
  const owed = (await ledger()).waiverUses().filter(isOwed);
  return owed.toSorted((one, other) => one.reviewBy.getTime() - other.reviewBy.getTime());
}
