/**
 * Rules on trial (`shadow` of a target file): the verdict that they would give beside the one in force, by the same function
 * over the same facts. Nothing decides by it.
 */
import { z } from 'zod';
import { sentenceOf } from './sentences.ts';
import { evaluatePromotion, type DenialReason, type PromotionFacts } from './verdict.ts';

/** `would-hold`: what may start now would not; `would-pass`: what is held now would start. */
export const ShadowOutcome = z.enum(['would-hold', 'would-pass']);
export type ShadowOutcome = z.infer<typeof ShadowOutcome>;

export type ShadowDifference = {
  readonly outcome: ShadowOutcome;
  /** SHA-256 of the target file that has these rules on trial. */
  readonly policyDigest: string;
  /** In words: what the rules on trial would hold it by, or what it is held by and would not be. */
  readonly reasons: readonly string[];
};

/** A difference as it was recorded. */
export type NotedShadow = ShadowDifference & {
  readonly promotionId: string;
  readonly release: string;
  readonly target: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
};

/** Null where there are no rules on trial, or where both say the same of it now. */
export function shadowDifference(facts: PromotionFacts): ShadowDifference | null {
  const { shadow, ...inForce } = facts;
  if (shadow === undefined) return null;
  const { expiresAt, policyDigest, ...tried } = shadow;
  const now = evaluatePromotion(inForce);
  const then = evaluatePromotion({
    ...inForce,
    ...tried,
    promotion: { ...facts.promotion, expiresAt },
  });
  if (now.allowed === then.allowed) return null;
  return {
    policyDigest,
    outcome: now.allowed ? 'would-hold' : 'would-pass',
    reasons: inWords(now.allowed ? then : now),
  };
}

const inWords = (verdict: ReturnType<typeof evaluatePromotion>): string[] =>
  verdict.allowed ? [] : verdict.reasons.map((reason: DenialReason) => sentenceOf(reason).text);
