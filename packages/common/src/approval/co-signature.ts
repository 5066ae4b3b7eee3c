/**
 * What several people put their passkeys to, each for themselves: that a stop be lifted, that a delivery by break-glass was
 * looked at. Neither of these can be read as the other, nor as an approval.
 */
import type { Buffer } from 'node:buffer';
import { hasExactKeys } from '../encoding/strict-json.ts';
import { AirlockError } from '../errors.ts';
import { parseStatement, statementBytes } from '../intoto/statement.ts';
import type { Role } from '../policy/target-approvals.ts';
import type { Roster } from '../policy/target-policy.ts';
import { parseTimestamp } from '../time.ts';
import { ApprovalError } from './approval-codes.ts';
import { countsFromIn, rosterAllows, type EnrolledPasskey } from './count-approvals.ts';
import { verifyApprovalSignature } from './verify-signature.ts';
import type { Assertion } from './webauthn.ts';

/** One kind of thing that is signed so. */
export type Matter = {
  readonly predicate: string;
  /** Name of the subject, and the member of the statement that has its id. */
  readonly name: string;
};

/** What somebody says: this one, by me, once, until then. */
export type CoSigned = {
  /** SHA-256 of what was read, so that the signature is of exactly that. */
  readonly digest: string;
  readonly id: string;
  readonly person: string;
  /** Fresh random text, good for one signature. */
  readonly nonce: string;
  /** RFC 3339 UTC. */
  readonly notAfter: string;
};

export type CoSignature = {
  readonly statement: Buffer;
  readonly credentialId: string;
  readonly answer: Assertion;
  /** The passkey's counter before this signature. */
  readonly signCountBefore: number;
};

/** The canonical bytes to sign and to keep. */
export function coSignatureStatement(matter: Matter, said: CoSigned): Buffer {
  const { digest, id, person, nonce, notAfter } = said;
  return statementBytes({ name: matter.name, sha256: digest }, matter.predicate, {
    ...{ [matter.name]: id, person, nonce, notAfter },
  });
}

/** @throws EncodingError, StatementError, TimeError, or ApprovalError `E_PREDICATE_TYPE`, `E_SUBJECT_NAME`, `E_APPROVAL`. */
export function parseCoSignature(matter: Matter, bytes: Uint8Array): CoSigned {
  const { subject, predicateType, predicate } = parseStatement(bytes);
  if (predicateType !== matter.predicate) {
    throw new ApprovalError('E_PREDICATE_TYPE', `predicateType ${matter.predicate} expected`);
  }
  if (subject.name !== matter.name) {
    throw new ApprovalError('E_SUBJECT_NAME', `a subject named ${matter.name} expected`);
  }
  const keys = [matter.name, 'person', 'nonce', 'notAfter'];
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
    digest: subject.sha256,
    ...{ id: text(matter.name), person: text('person'), nonce: text('nonce'), notAfter },
  };
}

export type CoSignatureQuestion = {
  readonly matter: Matter;
  readonly of: { readonly id: string; readonly digest: string };
  /** One of them it takes. */
  readonly roles: readonly Role[];
  /** Roster ids of those who do not count: it is about them, or they did it. */
  readonly never: readonly string[];
  readonly gate: string;
  readonly roster: Roster;
  readonly signatures: readonly CoSignature[];
  /** Those whose enrolment stands in the ledger; whoever calls has proven it. */
  readonly passkeys: readonly EnrolledPasskey[];
  /** Signatures that had ended by then, and passkeys that were revoked by then, do not count. */
  readonly at: Date;
};

/** Which people have validly signed for this one, each once. */
export function countCoSignatures(given: CoSignatureQuestion): {
  /** Roster ids, sorted. */
  readonly people: readonly string[];
  readonly discounted: readonly { readonly code: string; readonly detail: string }[];
} {
  const people = new Set<string>();
  const discounted: { code: string; detail: string }[] = [];
  for (const signature of given.signatures) {
    try {
      people.add(signerOf(signature, given));
    } catch (cause) {
      if (!(cause instanceof AirlockError)) throw cause;
      discounted.push({ code: String(cause.code), detail: cause.message });
    }
  }
  return { people: [...people].sort(), discounted };
}

function signerOf(signature: CoSignature, given: CoSignatureQuestion): string {
  const { matter, of, roles } = given;
  const said = parseCoSignature(matter, signature.statement);
  if (said.id !== of.id || said.digest !== of.digest) {
    throw new ApprovalError('E_APPROVAL_DIGEST', `signed for another ${matter.name}`);
  }
  if (parseTimestamp(said.notAfter) <= given.at) {
    throw new ApprovalError('E_APPROVAL_EXPIRED', `good until ${said.notAfter}`);
  }
  const passkey = given.passkeys.find(
    ({ credentialId }) => credentialId === signature.credentialId,
  );
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
  if (person?.roles.some((role) => roles.includes(role)) !== true) {
    throw new ApprovalError('E_APPROVAL_ROLE', `it takes one of ${roles.join(', ')}`);
  }
  if (given.never.includes(person.id)) {
    throw new ApprovalError('E_APPROVAL_SELF', `${person.id} is one of those whom it is about`);
  }
  const countsFrom = countsFromIn(person, passkey);
  if (countsFrom !== null && !(given.at.getTime() >= countsFrom.getTime())) {
    throw new ApprovalError(
      'E_APPROVAL_CRED_WAITS',
      `the passkey counts from ${countsFrom.toISOString()}`,
    );
  }
  verifyApprovalSignature(signature.answer, signature.statement, {
    id: passkey.credentialId,
    publicKeyPem: passkey.publicKeyPem,
    rpId: passkey.rpId,
    origins: [given.gate],
    signCount: signature.signCountBefore,
  });
  return person.id;
}
