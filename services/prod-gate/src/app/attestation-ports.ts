/** What issuing attestations needs: their signer, and where they are kept. */
import type { ImportedKey } from '@airlock/common/dsse/open-signed';
import type { IntakeItem } from './intake-ports.ts';
import type { Transaction } from './ports.ts';

export type AttestationSigner = {
  readonly keyid: ImportedKey['keyid'];
  /** @returns a DSSE envelope of an in-toto Statement: one line without LF. */
  sign(statement: Uint8Array): Buffer;
};

export type Attestation = {
  /** SHA-256 of the payload: the subject of the ledger's `attestation.issued`. */
  readonly digest: string;
  readonly kind: 'vsa' | 'delivery';
  /** Promotion or delivery that it is of; for a refused item `<source>/<seq>`. */
  readonly about: string;
  /** Target file under which; null where the gate has none for the target. */
  readonly policyDigest: string | null;
  /** Of a summary. Null for a delivery. */
  readonly result: 'PASSED' | 'FAILED' | null;
  /** DSSE envelope, one line without LF. */
  readonly envelope: Buffer;
  readonly issuedAt: Date;
};

export type AttestationStore = {
  /** @throws StoreError `already-attested` when there is one of this kind, result and policy. */
  insert(tx: Transaction, attestation: Attestation): Promise<void>;
  /** The summary with which a promotion passed under this target file. */
  summaryOf(promotionId: string, policyDigest: string): Promise<Attestation | null>;
  /** The statement of a delivery that is over. */
  statementOf(deliveryId: string): Promise<Attestation | null>;
  /** Whether a summary says that this promotion failed under this target file. */
  hasFailed(promotionId: string, policyDigest: string): Promise<boolean>;
  /** Ids of promotions that wait or are being delivered without having passed under their target file, oldest first. */
  promotionsWithoutSummary(limit: number): Promise<string[]>;
  /** Refused items without a summary, oldest first. */
  refusedWithoutSummary(limit: number): Promise<IntakeItem[]>;
  /** Ids of deliveries that ended before `endedBefore` and have no statement, oldest first. */
  deliveriesWithoutStatement(endedBefore: Date, limit: number): Promise<string[]>;
};
