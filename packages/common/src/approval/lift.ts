/** Lifting a stop of the gate: what each of the people signs, and which of their signatures count. */
import type { Buffer } from 'node:buffer';
import { liftPredicate } from '../constants.ts';
import { hasExactKeys } from '../encoding/strict-json.ts';
import { AirlockError } from '../errors.ts';
import { parseStatement, statementBytes } from '../intoto/statement.ts';
import type { Role } from '../policy/target-approvals.ts';
import type { Roster } from '../policy/target-policy.ts';
import { parseTimestamp } from '../time.ts';
import { ApprovalError } from './approval-codes.ts';
import { rosterAllows, type EnrolledPasskey } from './count-approvals.ts';
import { verifyApprovalSignature } from './verify-signature.ts';
import type { Assertion } from './webauthn.ts';

/** What somebody says: lift this stop, by me, once, until then. */
export type Lift = {
  /** SHA-256 of the stop's canonical bytes, so that a lift is of exactly what was read. */
  readonly stopDigest: string;
  readonly stop: string;
  readonly person: string;
  /** Fresh random text, good for one signature. */
  readonly nonce: string;
  /** RFC 3339 UTC. */
  readonly notAfter: string;
};

export type SignedLift = {
  readonly statement: Buffer;
  readonly credentialId: string;
  readonly answer: Assertion;
  /** The passkey's counter before this signature. */
  readonly signCountBefore: number;
};

/** People that lifting takes, each another one. */
export const liftQuorum = 2;
/** Each of these may place a stop and lift one. */
export const stopRoles: readonly Role[] = ['release-manager', 'security', 'platform'];

const subjectName = 'stop';
const keys = ['stop', 'person', 'nonce', 'notAfter'];

/** The canonical bytes to sign and to keep. */
export function liftStatement({ stopDigest, stop, person, nonce, notAfter }: Lift): Buffer {
  return statementBytes({ name: subjectName, sha256: stopDigest }, liftPredicate, {
    ...{ stop, person, nonce, notAfter },
  });
}

/** @throws EncodingError, StatementError, TimeError, or ApprovalError `E_PREDICATE_TYPE`, `E_SUBJECT_NAME`, `E_APPROVAL`. */
export function parseLiftStatement(bytes: Uint8Array): Lift {
  const { subject, predicateType, predicate } = parseStatement(bytes);
  if (predicateType !== liftPredicate) {
    throw new ApprovalError('E_PREDICATE_TYPE', `predicateType ${liftPredicate} expected`);
  }
  if (subject.name !== subjectName) {
    throw new ApprovalError('E_SUBJECT_NAME', `a subject named ${subjectName} expected`);
  }
  if (!hasExactKeys(predicate, keys)) {
    throw new ApprovalError('E_APPROVAL', `exactly ${keys.join(', ')} expected`);
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
    stopDigest: subject.sha256,
    ...{ stop: text('stop'), person: text('person'), nonce: text('nonce'), notAfter },
  };
}

export type LiftQuestion = {
  readonly gate: string;
  readonly stop: { readonly id: string; readonly digest: string };
  readonly roster: Roster;
  readonly lifts: readonly SignedLift[];
  readonly passkeys: readonly EnrolledPasskey[];
  readonly at: Date;
};

/**
 * Which people have validly asked that this stop be lifted.
 *
 * @param given.passkeys those whose enrolment stands in the ledger; whoever calls has proven it.
 * @param given.at signatures that had ended by then, and passkeys that were revoked by then, do not count.
 */
export function countLifts(given: LiftQuestion): {
  /** Roster ids, each once. */
  readonly people: readonly string[];
  readonly discounted: readonly { readonly code: string; readonly detail: string }[];
} {
  const people = new Set<string>();
  const discounted: { code: string; detail: string }[] = [];
  for (const lift of given.lifts) {
    try {
      people.add(signerOf(lift, given));
    } catch (cause) {
      if (!(cause instanceof AirlockError)) throw cause;
      discounted.push({ code: String(cause.code), detail: cause.message });
    }
  }
  return { people: [...people].sort(), discounted };
}

function signerOf(lift: SignedLift, given: LiftQuestion): string {
  const said = parseLiftStatement(lift.statement);
  if (said.stop !== given.stop.id || said.stopDigest !== given.stop.digest) {
    throw new ApprovalError('E_APPROVAL_DIGEST', 'signed for another stop');
  }
  if (parseTimestamp(said.notAfter) <= given.at) {
    throw new ApprovalError('E_APPROVAL_EXPIRED', `good until ${said.notAfter}`);
  }
  const passkey = given.passkeys.find(({ credentialId }) => credentialId === lift.credentialId);
  if (passkey === undefined) {
    throw new ApprovalError('E_APPROVAL_CRED_UNKNOWN', 'no passkey that the ledger has enrolled');
  }
  if (passkey.person !== said.person) {
    throw new ApprovalError('E_APPROVAL_IDENTITY', `the passkey of ${passkey.person} signed`);
  }
  if (passkey.revokedAt !== null && passkey.revokedAt <= given.at) {
    throw new ApprovalError('E_APPROVAL_CRED_REVOKED', 'the passkey was revoked');
  }
  const person = given.roster.people.find(({ id }) => id === said.person);
  if (passkey.origin !== given.gate || !rosterAllows(person, passkey)) {
    throw new ApprovalError('E_APPROVAL_CRED_UNKNOWN', 'the roster does not list this passkey');
  }
  if (person?.roles.some((role) => stopRoles.includes(role)) !== true) {
    throw new ApprovalError('E_APPROVAL_ROLE', `lifting takes one of ${stopRoles.join(', ')}`);
  }
  verifyApprovalSignature(lift.answer, lift.statement, {
    id: passkey.credentialId,
    publicKeyPem: passkey.publicKeyPem,
    rpId: passkey.rpId,
    origins: [given.gate],
    signCount: lift.signCountBefore,
  });
  return person.id;
}
