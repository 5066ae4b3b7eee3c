/** Where approvals are kept, and the documents that facts overtook. */
import type { Id } from '@airlock/common/ids';
import type { Transaction } from './ports.ts';

export type SignedApproval = {
  /** Canonical in-toto Statement, whose PAE hash was the WebAuthn challenge. */
  readonly statement: Buffer;
  readonly credentialId: string;
  /** base64url, as the browser gave them. */
  readonly authenticatorData: string;
  readonly clientDataJson: string;
  readonly signature: string;
  readonly signCountBefore: number;
  readonly nonce: string;
};

export type Approval = {
  readonly id: Id<'apr'>;
  readonly promotionId: string;
  /** Roster id. */
  readonly person: string;
  readonly decision: 'approve' | 'reject';
  readonly note: string;
  /** The document that was decided on; an approval of an older one no longer counts. */
  readonly promotionDigest: string;
  /** Null for a rejection, which needs no passkey. */
  readonly signed: SignedApproval | null;
  readonly createdAt: Date;
  /** Null while it stands. */
  readonly withdrawn: { readonly at: Date; readonly reason: string } | null;
};

export type ApprovalStore = {
  /** Oldest first, withdrawn ones too. */
  of(promotionId: string): Promise<Approval[]>;
  /** @throws StoreError `nonce-unknown` when the nonce was used before. */
  insert(tx: Transaction, approval: Omit<Approval, 'withdrawn'>): Promise<void>;
  /** @throws StoreError `row-changed` when it was withdrawn before. */
  withdraw(
    tx: Transaction,
    withdrawal: {
      approvalId: string;
      promotionId: string;
      person: string;
      reason: string;
      at: Date;
    },
  ): Promise<void>;
};

/** A document of a promotion that facts overtook; approvals of it no longer count. */
export type ReplacedDocument = {
  readonly promotionId: string;
  readonly promotionDigest: string;
  readonly document: Buffer;
  /** Members of the document that were no longer so. */
  readonly changed: readonly string[];
  readonly replacedBy: string;
  readonly replacedAt: Date;
};

export type ReplacedDocumentStore = {
  /** Oldest first. */
  of(promotionId: string): Promise<ReplacedDocument[]>;
  /** Nothing where the same document of the promotion was replaced before. */
  insert(tx: Transaction, replaced: ReplacedDocument): Promise<void>;
};
