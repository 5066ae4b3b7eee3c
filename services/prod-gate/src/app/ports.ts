/**
 * What every store shares: its errors and its transactions. What a use case needs beside that stands in the file of its noun.
 * Each process hands a use case only the ports that it may use.
 *
 * Rows are not evidence: authority and deliverer verify the signed bytes (bundle, approvals, checkpoints) again.
 */
import { AirlockError } from '@airlock/common/errors';

export type StoreErrorCode =
  /** The row is not in the state, fence or version that the change was based on. */
  | 'row-changed'
  /** Another delivery runs on the target, or a Vault session of it is not CLEAN. */
  | 'target-busy'
  /** The promotion has had its delivery. */
  | 'E_DELIVERY_CLAIMED'
  /** The very same bundle, or its provenance, is admitted for this target. */
  | 'already-admitted'
  /** The nonce has been used or was never given out, or it has expired. */
  | 'nonce-unknown'
  /** There is an attestation of this kind about this. */
  | 'already-attested'
  /** A login was minted for this session before. */
  | 'already-minted'
  /** The passkey is enrolled already. */
  | 'passkey-known'
  /** This builder has said the same of this promotion before. */
  | 'rebuild-known'
  /** What Postgres holds is not what this version writes. */
  | 'row-malformed';

/** A change that the database refused for a reason that callers tell apart. */
export class StoreError extends AirlockError<StoreErrorCode> {}

/** One database transaction. Holds nothing itself; the stores of the same database know what it stands for. */
export type Transaction = { readonly startedAt: Date };

export type Transactor = {
  /** Commits when `work` returns, rolls back when it throws. At most 10 s. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
};
