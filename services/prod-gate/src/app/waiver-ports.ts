/** What is kept of promotions that pass by break-glass or outside their windows, and of those who look at them afterwards. */
import type { CoSignature } from '@airlock/common/approval/co-signature';
import type { Waiver, WaiverKind } from '@airlock/common/promotion/waiver';
import type { Transaction } from './ports.ts';

export interface WaiverStore {
  /** What was asked last for this promotion and not taken back; null also for a row that is no justification. */
  of(promotionId: string): Promise<Waiver | null>;
  ask(tx: Transaction, given: Waiver & { promotionId: string; at: Date }): Promise<void>;
  withdraw(
    tx: Transaction,
    given: { kind: WaiverKind; promotionId: string; person: string; at: Date },
  ): Promise<void>;
}

export type CoSignatureKind = 'review' | 'vouch';

/** One signature of several, with the one use of its nonce. */
export type KeptCoSignature = CoSignature & {
  /** Id of what it is of. */
  readonly subjectId: string;
  readonly person: string;
  readonly nonce: string;
  readonly signedAt: Date;
};

export interface CoSignatureStore {
  /** In the order in which they were made. */
  of(kind: CoSignatureKind, subjectId: string): Promise<readonly KeptCoSignature[]>;
  insert(tx: Transaction, kind: CoSignatureKind, kept: KeptCoSignature): Promise<void>;
}
