/**
 * Do these approvals carry this promotion? Every approval is judged from its signed bytes; a row of a database that
 * says "approved" is not evidence.
 */
import { z } from 'zod';
import { decodeBase64 } from '../encoding/base64.ts';
import { AirlockError } from '../errors.ts';
import { maxApprovals } from '../limits.ts';
import { parseTimestamp } from '../time.ts';
import { ApprovalError, isApprovalCode, type ApprovalCode } from './approval-codes.ts';
import { fillSeats, seatCount, type Seats } from './fill-seats.ts';
import { parseApprovalStatement, type Approval, type ApprovalDecision } from './statement.ts';
import { verifyApprovalSignature } from './verify-signature.ts';

/** One approval as it is kept: the statement (standard base64) and the browser's answer (base64url). */
export const ApprovalEvidence = z.strictObject({
  statement: z.string(),
  credentialId: z.string(),
  authenticatorData: z.string(),
  clientDataJSON: z.string(),
  signature: z.string(),
});
export type ApprovalEvidence = z.infer<typeof ApprovalEvidence>;

/** An enrolled passkey and the person it stands for. */
export type ApproverCredential = {
  readonly id: string;
  readonly approver: string;
  readonly publicKeyPem: string;
  readonly rpId: string;
  readonly origins: readonly string[];
  /** The counter before the approval being judged; at a later check the one as of then. */
  readonly signCount: number;
  readonly roles: readonly string[];
  /** Null: at once. */
  readonly countsFrom: Date | null;
  readonly revokedAt: Date | null;
};

export type ApprovalInput = {
  readonly approvals: readonly ApprovalEvidence[];
  readonly credentials: readonly ApproverCredential[];
  /** SHA-256 of the promotion document. */
  readonly promotion: string;
  readonly target: string;
  /** What the document asks people to say; an approval that says something else does not count. */
  readonly decision: ApprovalDecision;
  /** What must be met, all of it, by distinct people: see fill-seats.ts. */
  readonly rules: readonly Seats[];
  readonly requester: string;
  /** People who wrote or committed a change in this promotion. */
  readonly authors: readonly string[];
  /** People who signed the configuration since the last delivery, where the target file excludes them. */
  readonly editors: readonly string[];
  /** Nonces of approvals recorded before; those of the approvals judged here must not be among them. */
  readonly usedNonces: ReadonlySet<string>;
  readonly now: Date;
};

export type CountingApproval = { readonly approver: string; readonly credentialId: string };
export type DiscountedApproval = {
  /** Null where the approval is not known to be anybody's. */
  readonly approver: string | null;
  readonly credentialId: string;
  readonly code: ApprovalCode;
  readonly detail: string;
};

export type ApprovalJudgement = {
  /** Approvals of people who may approve, each person once; there may be more of them than seats. */
  readonly counting: readonly CountingApproval[];
  readonly discounted: readonly DiscountedApproval[];
  readonly satisfied: boolean;
  /** Seats filled, and seats that the rules have. */
  readonly have: number;
  readonly need: number;
};

export type ApprovalResult =
  | { readonly ok: true; readonly counting: readonly CountingApproval[] }
  | { readonly ok: false; readonly code: ApprovalCode; readonly detail: string };

/** The strict reading: the first fault in any approval, or too few of them, refuses the whole set. */
export function verifyApprovals(input: ApprovalInput): ApprovalResult {
  const judged = judgeEach(input);
  const fault = judged.find((entry) => entry.fault !== null)?.fault;
  if (fault) return { ok: false, ...fault };
  const { discounted, counting, satisfied, have, need } = judgeSet(judged, input);
  const [first] = setCodes.flatMap((code) => discounted.filter((each) => each.code === code));
  if (first !== undefined) return { ok: false, code: first.code, detail: first.detail };
  if (!satisfied) {
    return {
      ok: false,
      code: 'E_APPROVAL_THRESHOLD',
      detail: `${have} of ${need} people approved`,
    };
  }
  return { ok: true, counting };
}

/**
 * The reading for pages and deliveries: an approval with a fault does not count and is shown with its reason, and takes
 * nothing from the good ones. Otherwise anybody who can add a bad approval could veto.
 */
export function judgeApprovals(input: ApprovalInput): ApprovalJudgement {
  return judgeSet(judgeEach(input), input);
}

/** Rules over the set, in the order in which the strict reading names them. */
const setCodes = [
  'E_APPROVAL_SELF',
  'E_APPROVAL_AUTHOR',
  'E_APPROVAL_EDITOR',
  'E_APPROVAL_DUP',
] as const;

type SetFault = { readonly code: (typeof setCodes)[number]; readonly detail: string };
type Fault = { readonly code: ApprovalCode; readonly detail: string };
type Judged = {
  readonly approver: string | null;
  readonly credentialId: string;
  readonly fault: Fault | null;
};

function judgeEach(input: ApprovalInput): readonly Judged[] {
  const credentials = credentialsById(input.credentials);
  return input.approvals.map((evidence, index) => {
    const { credentialId } = evidence;
    // A person is named only where the passkey is known, never because the statement says so.
    const approver = credentials.get(credentialId)?.approver ?? null;
    try {
      if (index >= maxApprovals) {
        throw new ApprovalError('E_APPROVAL_COUNT', `at most ${maxApprovals} approvals expected`);
      }
      checkApproval(evidence, credentials, input);
      return { approver, credentialId, fault: null };
    } catch (error) {
      if (!(error instanceof AirlockError) || !isApprovalCode(error.code)) throw error;
      return { approver, credentialId, fault: { code: error.code, detail: error.message } };
    }
  });
}

/** A credential id listed twice is nobody's: which of the two signed would depend on the order of the list. */
function credentialsById(
  list: readonly ApproverCredential[],
): ReadonlyMap<string, ApproverCredential> {
  const credentials = new Map(list.map((credential) => [credential.id, credential]));
  const ids = list.map((credential) => credential.id);
  for (const [index, id] of ids.entries()) if (ids.indexOf(id) !== index) credentials.delete(id);
  return credentials;
}

/** Judges one approval by itself; the rules over the set come after. @throws AirlockError with an ApprovalCode. */
function checkApproval(
  evidence: ApprovalEvidence,
  credentials: ReadonlyMap<string, ApproverCredential>,
  input: ApprovalInput,
): void {
  const statement = decodeBase64(evidence.statement);
  const approval = parseApprovalStatement(statement);
  const credential = usableCredential(evidence.credentialId, credentials, input.now);
  if (approval.approver !== credential.approver) {
    throw new ApprovalError(
      'E_APPROVAL_IDENTITY',
      `the passkey is ${credential.approver}'s, the approval names ${JSON.stringify(approval.approver.slice(0, 63))}`,
    );
  }
  checkClaims(approval, credential, input);
  verifyApprovalSignature(evidence, statement, credential);
}

function usableCredential(
  id: string,
  credentials: ReadonlyMap<string, ApproverCredential>,
  now: Date,
): ApproverCredential {
  const credential = credentials.get(id);
  if (credential === undefined) {
    throw new ApprovalError('E_APPROVAL_CRED_UNKNOWN', 'no passkey with this id is enrolled');
  }
  // Asks for what is good, as the expiry does: a time that is none (NaN) refuses.
  if (credential.revokedAt !== null && !(now.getTime() < credential.revokedAt.getTime())) {
    throw new ApprovalError(
      'E_APPROVAL_CRED_REVOKED',
      `the passkey was revoked at ${credential.revokedAt.toISOString()}`,
    );
  }
  if (credential.countsFrom !== null && !(now.getTime() >= credential.countsFrom.getTime())) {
    throw new ApprovalError(
      'E_APPROVAL_CRED_WAITS',
      `the passkey counts from ${credential.countsFrom.toISOString()}`,
    );
  }
  return credential;
}

function checkClaims(
  approval: Approval,
  credential: ApproverCredential,
  input: ApprovalInput,
): void {
  if (approval.promotionDigest !== input.promotion) {
    throw new ApprovalError(
      'E_APPROVAL_DIGEST',
      `promotion sha256 ${input.promotion} expected, found ${approval.promotionDigest}`,
    );
  }
  if (approval.target !== input.target) {
    throw new ApprovalError(
      'E_APPROVAL_TARGET',
      `target ${input.target} expected, found ${JSON.stringify(approval.target.slice(0, 63))}`,
    );
  }
  if (approval.decision !== input.decision) {
    throw new ApprovalError(
      'E_APPROVAL_DECISION',
      `${input.decision} expected, found ${JSON.stringify(approval.decision.slice(0, 40))}`,
    );
  }
  if (!(input.now.getTime() <= parseTimestamp(approval.notAfter).getTime())) {
    throw new ApprovalError('E_APPROVAL_EXPIRED', `it counted until ${approval.notAfter}`);
  }
  if (input.usedNonces.has(approval.nonce)) {
    throw new ApprovalError('E_APPROVAL_NONCE', 'its nonce was used before');
  }
  if (!input.rules.some(({ role }) => credential.roles.includes(role))) {
    const asked = [...new Set(input.rules.map(({ role }) => role))].join(' or ');
    throw new ApprovalError('E_APPROVAL_ROLE', `${credential.approver} is not ${asked}`);
  }
}

function judgeSet(judged: readonly Judged[], input: ApprovalInput): ApprovalJudgement {
  const counting: CountingApproval[] = [];
  const discounted: DiscountedApproval[] = [];
  for (const { approver, credentialId, fault } of judged) {
    const found =
      fault ?? (approver === null ? null : setFault(approver, credentialId, counting, input));
    if (found !== null) discounted.push({ approver, credentialId, ...found });
    else if (approver !== null) counting.push({ approver, credentialId });
  }
  const present = counting.map(({ approver, credentialId }) => ({
    id: approver,
    roles: input.credentials.find(({ id }) => id === credentialId)?.roles ?? [],
  }));
  const have = fillSeats(input.rules, present).size;
  const need = seatCount(input.rules);
  return { counting, discounted, satisfied: need >= 1 && have >= need, have, need };
}

/** People count, not signatures: never the requester, an author or an editor, nobody twice. */
function setFault(
  approver: string,
  credentialId: string,
  counting: readonly CountingApproval[],
  input: ApprovalInput,
): SetFault | null {
  if (approver === input.requester) {
    return { code: 'E_APPROVAL_SELF', detail: `${approver} requested this promotion` };
  }
  if (input.authors.includes(approver)) {
    return { code: 'E_APPROVAL_AUTHOR', detail: `${approver} has a commit in this promotion` };
  }
  if (input.editors.includes(approver)) {
    return {
      code: 'E_APPROVAL_EDITOR',
      detail: `${approver} signed the configuration since the last delivery`,
    };
  }
  const isRepeated = counting.some(
    (earlier) => earlier.approver === approver || earlier.credentialId === credentialId,
  );
  return isRepeated ? { code: 'E_APPROVAL_DUP', detail: `${approver} approved before` } : null;
}
