/** What somebody is told who looked at another document of a promotion than the one that would be signed now. */
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { sinceRead } from '../domain/document-members.ts';
import type { ReplacedDocumentStore } from './approval-ports.ts';
import { DecisionError } from './decision-error.ts';
import type { PromotionStore } from './promotion-ports.ts';

export type ChangeSources = {
  readonly promotions: Pick<PromotionStore, 'evidence'>;
  readonly replaced: Pick<ReplacedDocumentStore, 'of'>;
};

export type ChangeQuestion = {
  readonly promotionId: string;
  /** Digest of the document that was looked at; what it said is known of those that this promotion had. */
  readonly shown: string;
  /** What to do now. */
  readonly then: string;
};

export async function changedSince(
  { promotions, replaced }: ChangeSources,
  { promotionId, shown, then }: ChangeQuestion,
): Promise<DecisionError> {
  const [evidence, documents] = await Promise.all([
    promotions.evidence(promotionId),
    replaced.of(promotionId),
  ]);
  const was = documents.find(({ promotionDigest }) => promotionDigest === shown);
  const what =
    evidence === null || was === undefined
      ? ''
      : `: ${sinceRead(parsePromotionDocument(was.document), parsePromotionDocument(evidence.document))}`;
  return new DecisionError(
    'promotion-changed',
    `The promotion changed while you were reading${what}. ${then}`,
  );
}
