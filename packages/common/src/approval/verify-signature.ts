/** One approval's signature, by whichever kind of key its enrolment says: a passkey of a browser or a security key of OpenSSH. */
import { approvalNamespace, securityKeyApplication } from '../constants.ts';
import { ApprovalError } from './approval-codes.ts';
import { verifySecurityKey } from './security-key.ts';
import { approvalChallenge } from './statement.ts';
import { verifyAssertion, type Assertion, type AssertionExpectation } from './webauthn.ts';

/**
 * The armoured signature of a security key stands in `signature`, and the two members that only browsers have are empty.
 *
 * @returns the counter to store.
 * @throws EncodingError or ApprovalError, as `verifyAssertion` and `verifySecurityKey` say.
 */
export function verifyApprovalSignature(
  answer: Assertion,
  statement: Uint8Array,
  credential: Omit<AssertionExpectation, 'challenge'> & { readonly id: string },
): { signCount: number } {
  // No host name has a colon, so that no passkey's relying party is ever this.
  if (credential.rpId !== securityKeyApplication) {
    return verifyAssertion(answer, { ...credential, challenge: approvalChallenge(statement) });
  }
  if (answer.authenticatorData !== '' || answer.clientDataJSON !== '') {
    throw new ApprovalError('E_SSH_SIGNATURE', 'a security key has no data of a browser');
  }
  return verifySecurityKey(answer.signature, statement, {
    fingerprint: credential.id,
    publicKeyPem: credential.publicKeyPem,
    namespace: approvalNamespace,
    signCount: credential.signCount,
  });
}
