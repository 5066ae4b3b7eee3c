/** The statement that an approver's passkey signs. */
import { createHash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import { approvalPredicate, intotoPayloadType } from '../constants.ts';
import { pae } from '../dsse/pae.ts';
import { hasExactKeys } from '../encoding/strict-json.ts';
import { parseStatement, statementBytes } from '../intoto/statement.ts';
import { parseTimestamp } from '../time.ts';
import { ApprovalError } from './approval-codes.ts';

/**
 * `approve`: a promotion that goes on along main. `rollback`: a return to a release that was live before. Neither counts as
 * the other.
 */
export type ApprovalDecision = 'approve' | 'rollback';

/** What an approver says: this promotion, for this target, by me, once, until then. */
export type Approval = {
  /** SHA-256 of the promotion document's bytes (`promotionDigest`). */
  readonly promotionDigest: string;
  readonly target: string;
  readonly approver: string;
  readonly decision: string;
  /** Fresh random text, good for one approval. */
  readonly nonce: string;
  /** RFC 3339 UTC. */
  readonly notAfter: string;
};

const subjectName = 'promotion';

/** The canonical bytes to sign and to keep. */
export function approvalStatement(approval: Approval & { decision: ApprovalDecision }): Buffer {
  const { promotionDigest, target, approver, decision, nonce, notAfter } = approval;
  return statementBytes({ name: subjectName, sha256: promotionDigest }, approvalPredicate, {
    decision,
    target,
    approver,
    nonce,
    notAfter,
  });
}

/**
 * The WebAuthn challenge for these bytes: SHA-256(PAE(type, statement)).
 *
 * DSSE's encoding keeps an approval from being read as anything else that a passkey signs.
 */
export function approvalChallenge(statement: Uint8Array): Buffer {
  return createHash('sha256').update(pae(intotoPayloadType, statement)).digest();
}

/** @throws EncodingError, StatementError, TimeError, or ApprovalError `E_PREDICATE_TYPE`, `E_SUBJECT_NAME`, `E_APPROVAL`. */
export function parseApprovalStatement(bytes: Uint8Array): Approval {
  const { subject, predicateType, predicate } = parseStatement(bytes);
  if (predicateType !== approvalPredicate) {
    throw new ApprovalError('E_PREDICATE_TYPE', `predicateType ${approvalPredicate} expected`);
  }
  if (subject.name !== subjectName) {
    throw new ApprovalError('E_SUBJECT_NAME', `a subject named ${subjectName} expected`);
  }
  if (!hasExactKeys(predicate, ['decision', 'target', 'approver', 'nonce', 'notAfter'])) {
    throw new ApprovalError(
      'E_APPROVAL',
      'exactly decision, target, approver, nonce and notAfter expected',
    );
  }
  const text = (name: string): string => {
    const value = predicate[name];
    if (typeof value !== 'string' || value === '') {
      throw new ApprovalError('E_APPROVAL', `${name} is not a text`);
    }
    return value;
  };
  const notAfter = text('notAfter');
  parseTimestamp(notAfter);
  return {
    promotionDigest: subject.sha256,
    decision: text('decision'),
    target: text('target'),
    approver: text('approver'),
    nonce: text('nonce'),
    notAfter,
  };
}
