/** Every reason for which an approval does not count. Codes are contract; the texts are for people. */
import type { EncodingCode } from '../encoding/encoding-error.ts';
import { AirlockError } from '../errors.ts';
import type { StatementCode } from '../intoto/statement.ts';
import type { TimeError } from '../time.ts';

export type ApprovalRuleCode =
  | 'E_PREDICATE_TYPE'
  | 'E_APPROVAL'
  | 'E_SUBJECT_NAME'
  | 'E_APPROVAL_CRED_UNKNOWN'
  | 'E_APPROVAL_CRED_REVOKED'
  | 'E_APPROVAL_CRED_WAITS'
  | 'E_APPROVAL_IDENTITY'
  | 'E_APPROVAL_DIGEST'
  | 'E_APPROVAL_TARGET'
  | 'E_APPROVAL_DECISION'
  | 'E_APPROVAL_EXPIRED'
  | 'E_APPROVAL_NONCE'
  | 'E_APPROVAL_ROLE'
  | 'E_APPROVAL_SELF'
  | 'E_APPROVAL_AUTHOR'
  | 'E_APPROVAL_EDITOR'
  | 'E_APPROVAL_DUP'
  | 'E_APPROVAL_COUNT'
  | 'E_APPROVAL_THRESHOLD';

export type WebauthnCode =
  | 'E_WEBAUTHN_CLIENT_DATA'
  | 'E_WEBAUTHN_TYPE'
  | 'E_WEBAUTHN_CROSS_ORIGIN'
  | 'E_WEBAUTHN_ORIGIN'
  | 'E_WEBAUTHN_CHALLENGE'
  | 'E_WEBAUTHN_AUTH_DATA'
  | 'E_WEBAUTHN_RPID'
  | 'E_WEBAUTHN_UP'
  | 'E_WEBAUTHN_UV'
  | 'E_WEBAUTHN_FLAGS'
  | 'E_WEBAUTHN_COUNTER'
  | 'E_WEBAUTHN_KEY'
  | 'E_WEBAUTHN_SIG'
  | 'E_SSH_SIGNATURE';

export type ApprovalCode =
  | Exclude<EncodingCode, 'E_HEX'>
  | StatementCode
  | ApprovalRuleCode
  | WebauthnCode
  | TimeError['code'];

export class ApprovalError extends AirlockError<ApprovalRuleCode | WebauthnCode> {}

const again = 'Reload the promotion and approve again.';
const report = 'A working gate does not store this: keep the record and report it.';

/** What each code means and what a person does about it. */
export const approvalCodes: Readonly<
  Record<ApprovalCode, { readonly meaning: string; readonly mend: string }>
> = {
  E_ENCODING: { meaning: 'The approval holds bytes that are not plain UTF-8.', mend: report },
  E_BASE64: { meaning: 'A field of the approval is not strict base64.', mend: report },
  E_JSON: { meaning: 'The approval is not JSON.', mend: report },
  E_JSON_DEPTH: { meaning: 'The approval is nested more deeply than ours are.', mend: report },
  E_JSON_DUP: { meaning: 'The approval has the same key twice.', mend: report },
  E_JSON_KEY: { meaning: 'The approval has the key __proto__.', mend: report },
  E_JSON_NUMBER: { meaning: 'The approval has a number that is not a safe integer.', mend: report },
  E_UNICODE: { meaning: 'A text of the approval is not well-formed.', mend: report },
  E_NOT_CANONICAL: { meaning: 'The signed statement is not canonical JSON.', mend: report },
  E_STATEMENT: { meaning: 'The statement has missing or unknown fields.', mend: report },
  E_STATEMENT_TYPE: { meaning: 'The statement is not an in-toto Statement v1.', mend: report },
  E_SUBJECT_COUNT: { meaning: 'The statement has not exactly one subject.', mend: report },
  E_SUBJECT: { meaning: 'The subject has missing or unknown fields.', mend: report },
  E_SUBJECT_NAME: { meaning: 'The subject is not a promotion.', mend: report },
  E_DIGEST_ALG: { meaning: 'The promotion is not named by SHA-256 alone.', mend: report },
  E_DIGEST_FORMAT: { meaning: 'The digest is not 64 lower-case hexadecimal digits.', mend: report },
  E_TIME_FORMAT: { meaning: 'A time is not RFC 3339 in UTC.', mend: report },
  E_PREDICATE_TYPE: { meaning: 'The statement is not an approval.', mend: report },
  E_APPROVAL: { meaning: 'The approval has missing or unknown fields.', mend: report },
  E_APPROVAL_CRED_UNKNOWN: {
    meaning: 'The passkey is not enrolled here.',
    mend: 'Enrol the passkey, then approve again.',
  },
  E_APPROVAL_CRED_REVOKED: {
    meaning: 'The passkey was revoked.',
    mend: 'Approve again with a passkey that is in force.',
  },
  E_APPROVAL_CRED_WAITS: {
    meaning:
      'The passkey is not the first one of its person, and has its first day before it counts.',
    mend: 'Wait for the time that is named, or approve with a passkey that counts already.',
  },
  E_APPROVAL_IDENTITY: {
    meaning: "The approval names one person and is signed by another person's passkey.",
    mend: report,
  },
  E_APPROVAL_DIGEST: {
    meaning: 'The approval is for another promotion, or for this one before it changed.',
    mend: again,
  },
  E_APPROVAL_TARGET: { meaning: 'The approval is for another target.', mend: again },
  E_APPROVAL_DECISION: { meaning: 'The decision is not to approve.', mend: again },
  E_APPROVAL_EXPIRED: { meaning: 'The approval has expired.', mend: again },
  E_APPROVAL_NONCE: { meaning: 'The approval was used before.', mend: again },
  E_APPROVAL_ROLE: {
    meaning: 'The approver has none of the roles that the target asks for.',
    mend: 'Ask somebody who has one of them.',
  },
  E_APPROVAL_SELF: {
    meaning: 'The requester approved; requesters never count.',
    mend: 'Ask somebody else.',
  },
  E_APPROVAL_AUTHOR: {
    meaning: 'The approver wrote or committed a change in this promotion; authors never count.',
    mend: 'Ask somebody who has no commit in it.',
  },
  E_APPROVAL_EDITOR: {
    meaning:
      "The approver signed the gate's configuration since the last delivery; the target file says that they do not count.",
    mend: 'Ask somebody who did not sign the change of configuration.',
  },
  E_APPROVAL_DUP: {
    meaning: 'The same person, or the same passkey, approved twice; it counts once.',
    mend: 'Ask another person.',
  },
  E_APPROVAL_COUNT: { meaning: 'More approvals than are ever judged at once.', mend: report },
  E_APPROVAL_THRESHOLD: {
    meaning: 'Fewer people approved than the target asks for.',
    mend: 'Wait for the missing approvals.',
  },
  E_WEBAUTHN_CLIENT_DATA: { meaning: 'The client data is not what a browser makes.', mend: again },
  E_WEBAUTHN_TYPE: { meaning: 'The passkey did something else than sign.', mend: again },
  E_WEBAUTHN_CROSS_ORIGIN: { meaning: 'The page stood in a frame of another site.', mend: report },
  E_WEBAUTHN_ORIGIN: {
    meaning: 'The passkey signed on another site than this gate.',
    mend: 'Open the gate at its own address; if you did not sign elsewhere, report it.',
  },
  E_WEBAUTHN_CHALLENGE: { meaning: 'The passkey signed something else.', mend: again },
  E_WEBAUTHN_AUTH_DATA: { meaning: 'The authenticator data is malformed.', mend: again },
  E_WEBAUTHN_RPID: { meaning: 'The passkey belongs to another site.', mend: again },
  E_WEBAUTHN_UP: { meaning: 'Nobody touched the authenticator.', mend: again },
  E_WEBAUTHN_UV: {
    meaning: 'The authenticator did not ask for PIN or biometrics.',
    mend: 'Set a PIN or biometrics on the authenticator, then approve again.',
  },
  E_WEBAUTHN_FLAGS: {
    meaning: 'The authenticator set flags that were not asked for.',
    mend: again,
  },
  E_WEBAUTHN_COUNTER: {
    meaning: 'The signature counter did not grow: the passkey may have been copied.',
    mend: 'Revoke the passkey, enrol another, and report it.',
  },
  E_WEBAUTHN_KEY: {
    meaning: 'The enrolled key is neither P-256 nor Ed25519.',
    mend: 'Revoke the passkey and enrol it again.',
  },
  E_WEBAUTHN_SIG: { meaning: 'The signature does not verify.', mend: report },
  E_SSH_SIGNATURE: {
    meaning: 'It is not one signature that a security key made for approvals with ssh-keygen.',
    mend: 'Sign again as the promotion’s page says, with -n airlock-approval@v1.',
  },
};

export function isApprovalCode(code: unknown): code is ApprovalCode {
  return typeof code === 'string' && Object.hasOwn(approvalCodes, code);
}
