/**
 * What a return rests on, without git and without non-prod: the ledger names the deliveries of the target and the documents
 * that were approved for them, and those name the changes that came with each.
 */
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import {
  parsePromotionDocument,
  promotionDigest,
  type PromotionDocument,
} from '@airlock/common/promotion/document';
import { digestOfDelta, type Delta } from '../domain/delta.ts';
import type { LedgerFacts, ProvenDelivery } from '../domain/ledger-facts.ts';
import type { ReturnGround, StepSince } from '../domain/return.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { LedgerProofs } from './prove-entry.ts';

export type GroundSources = {
  readonly promotions: Pick<PromotionStore, 'find' | 'evidence'>;
  readonly proofs: Pick<LedgerProofs, 'attempt'>;
};

export type GroundAnswer = { readonly ground: ReturnGround } | { readonly fault: string };

/** @param question.own id of the return's promotion, whose own delivery is none of those since; null before there is one. */
export async function readReturnGround(
  sources: GroundSources,
  ledger: Pick<LedgerFacts, 'deliveriesOn'>,
  question: { readonly target: string; readonly delivery: string; readonly own: string | null },
): Promise<GroundAnswer> {
  const { target, delivery, own } = question;
  const deliveries = ledger.deliveriesOn(target);
  const place = deliveries.findIndex(({ deliveryId }) => deliveryId === delivery);
  const to = deliveries[place];
  if (to === undefined || to.liveSince === null) {
    return { fault: `by the ledger, delivery ${delivery} never was live on ${target}` };
  }
  const approved = await approvedFor(sources, to);
  if (approved === null) return { fault: unproven(to) };
  const { document } = approved;
  const first = await firstAdmission(sources, to, document);
  if ('fault' in first) return first;
  const origin = deliveries.find(({ promotionId }) => promotionId === first.promotionId);
  const came = origin === undefined ? null : await approvedFor(sources, origin);
  if (came === null) return { fault: unproven(to) };
  const since: StepSince[] = [];
  for (const later of deliveries.slice(place + 1)) {
    if (later.promotionId === own) continue;
    const step = await approvedFor(sources, later);
    if (step === null) return { fault: unproven(later) };
    if (step.document.return !== undefined) continue;
    const { deliveryId, release, liveSince } = later;
    since.push({ deliveryId, release, wasLive: liveSince !== null, delta: step.delta });
  }
  return { ground: { to, document, first, brought: came.delta, since } };
}

const unproven = ({ release, promotionId }: ProvenDelivery): string =>
  `what was approved for ${release} (${promotionId}) is not on record as the ledger has it; somebody of platform finds out who changed the database`;

/** The document and the changes by the digests that the ledger and the document give; null where a row says something else. */
async function approvedFor(
  { promotions }: GroundSources,
  { promotionId, promotionDigest: digest }: ProvenDelivery,
): Promise<{ document: PromotionDocument; delta: Delta } | null> {
  const [promotion, evidence] = await Promise.all([
    promotions.find(promotionId),
    promotions.evidence(promotionId),
  ]);
  if (promotion === null || evidence === null) return null;
  if (promotionDigest(evidence.document) !== digest) return null;
  const document = parsePromotionDocument(evidence.document);
  return digestOfDelta(promotion.delta) === document.delta
    ? { document, delta: promotion.delta }
    : null;
}

/** When the ledger first had the bundle: key windows are judged as of then. */
async function firstAdmission(
  { proofs }: GroundSources,
  to: ProvenDelivery,
  document: PromotionDocument,
): Promise<ReturnGround['first'] | { fault: string }> {
  const promotionId = document.return?.promotion ?? to.promotionId;
  const proof = await proofs.attempt(
    'bundle.admitted',
    document.bundle,
    ({ refs }) => refs['promotion'] === promotionId && refs['target'] === to.target,
  );
  if ('fault' in proof) return proof;
  if (proof.entry === null) {
    return { fault: `the admission of ${promotionId} is not in a signed checkpoint` };
  }
  return { promotionId, admittedAt: new Date(parseLedgerEntry(proof.entry.body).at) };
}
