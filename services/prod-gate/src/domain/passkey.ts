/**
 * What the ledger keeps of an enrolment. A passkey row alone enrols nobody: an approval counts only when the digest of this
 * record, computed again from the row, stands in a `passkey.enrolled` entry of the signed ledger.
 */
import { createHash } from 'node:crypto';
import type { Person } from './roster.ts';

export type Enrolment = {
  readonly person: string;
  readonly credentialId: string;
  readonly publicKeyPem: string;
  readonly rpId: string;
  readonly origin: string;
};

/** Canonical JSON `{v: 1, person, credentialId, publicKeyPem, rpId, origin}`. */
export function enrolmentRecord(enrolment: Enrolment): Buffer {
  const { person, credentialId, publicKeyPem, rpId, origin } = enrolment;
  return Buffer.from(
    JSON.stringify({ v: 1, person, credentialId, publicKeyPem, rpId, origin }),
    'utf8',
  );
}

/** SHA-256 (hex) of the enrolment record. */
export function enrolmentDigest(enrolment: Enrolment): string {
  return createHash('sha256').update(enrolmentRecord(enrolment)).digest('hex');
}

/**
 * Whether the roster lets this enrolment count. The ledger proves that an enrolment was recorded, and web records it; who
 * holds web could record one of their own. A roster that lists a person's enrolments leaves web no say in it.
 */
export function rosterAllows(person: Person | undefined, enrolment: Enrolment): boolean {
  if (person === undefined) return false;
  return person.passkeys?.includes(enrolmentDigest(enrolment)) ?? true;
}
