/**
 * A promotion: one release asked for one target, admitted by intake after every check of the kernel.
 *
 * Legal transitions, and who makes them:
 *   waiting    → delivering (deliverer) | expired, superseded (intake) | rejected (web)
 *   delivering → live, failed (deliverer) | failed, indeterminate (deliverer, watchdog)
 * Everything else is an end: whoever wants the release after that asks again.
 */
import type { Id } from '@airlock/common/ids';
import type { ReturnOrder } from '@airlock/common/promotion/document';
import type { Delta } from './delta.ts';

export const promotionStates = [
  'waiting',
  'delivering',
  'live',
  'failed',
  'indeterminate',
  'expired',
  'superseded',
  'rejected',
] as const;
export type PromotionState = (typeof promotionStates)[number];

const next: Readonly<Record<PromotionState, readonly PromotionState[]>> = {
  waiting: ['delivering', 'expired', 'superseded', 'rejected'],
  delivering: ['live', 'failed', 'indeterminate'],
  live: [],
  failed: [],
  indeterminate: [],
  expired: [],
  superseded: [],
  rejected: [],
};

export function mayBecome(from: PromotionState, to: PromotionState): boolean {
  return next[from].includes(to);
}

export type Promotion = {
  readonly id: Id<'prm'>;
  readonly target: string;
  readonly release: string;
  readonly state: PromotionState;
  readonly stateReason: string | null;
  readonly stateChangedAt: Date;
  /** Grows with every change of the row; pages send it back to see that nothing changed meanwhile. */
  readonly version: number;
  /** Artifact name that provenance states. */
  readonly subjectName: string;
  readonly artifactDigest: string;
  readonly artifactSize: number;
  readonly repository: string;
  readonly commit: string;
  /** Place of the commit in main's first-parent line, counted from the first commit; later is greater. */
  readonly mainPosition: number;
  readonly pipeline: string;
  readonly builderId: string;
  readonly keyIds: readonly string[];
  readonly invocationId: string;
  readonly builtAt: Date;
  readonly requester: string;
  readonly requesterIdp: string;
  readonly reason: string;
  readonly requestedAt: Date;
  readonly admittedAt: Date;
  readonly expiresAt: Date;
  readonly bundleDigest: string;
  /** SHA-256 of the provenance envelope's line without LF. */
  readonly envelopeDigest: string;
  /** SHA-256 of the provenance payload. */
  readonly provenanceDigest: string;
  readonly policyDigest: string;
  /** `name@sha256:<64 hex>` as the target file pins it. */
  readonly hook: string;
  /** SHA-256 of the promotion document, which is what approvals sign. */
  readonly promotionDigest: string;
  readonly delta: Delta;
  /** Builders that the release file asks for; 1 where it says nothing. Decides who is asked, not who is believed. */
  readonly reproduce: number;
  /** Set for a return to a release that was live before; null for one that goes on along main. */
  readonly returns: ReturnOrder | null;
};

/** What is to be delivered where, in words: `2026.11.22-1 → prod-eu`, `Return to 2026.11.19-1 → prod-eu`. Of any origin. */
export function promotionInWords({
  release,
  target,
  returns,
}: Pick<Promotion, 'release' | 'target' | 'returns'>): string {
  return `${returns === null ? '' : 'Return to '}${release} → ${target}`;
}

/** A promotion in a list: without its changes, which are large. */
export type ListedPromotion = Omit<Promotion, 'delta'>;
