/**
 * A passkey's assertion, checked from its stored bytes alone, so that it verifies the same today and in ten years.
 *
 * @see W3C Web Authentication Level 3, section 7.2
 */
import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { decodeBase64Url } from '../encoding/base64.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../encoding/strict-json.ts';
import { decodeUtf8 } from '../encoding/utf8.ts';
import { maxClientDataBytes, maxEnvelopeDepth } from '../limits.ts';
import { algorithmOf, importPublicKey, signatureIsValid, TrustError } from '../trust/signer.ts';
import { ApprovalError } from './approval-codes.ts';

/** As the browser gave it: base64url without padding. */
export type Assertion = {
  readonly authenticatorData: string;
  readonly clientDataJSON: string;
  readonly signature: string;
};

export type AssertionExpectation = {
  readonly publicKeyPem: string;
  readonly rpId: string;
  /** Exact origins, scheme and port included. */
  readonly origins: readonly string[];
  /** The counter before this assertion: at a later check the one as of then, never today's. */
  readonly signCount: number;
  readonly challenge: Uint8Array;
};

/**
 * Checks one assertion: client data, challenge, authenticator data, counter, signature, in this order.
 *
 * @returns the counter to store: 0 for a passkey that does not count.
 * @throws EncodingError or ApprovalError `E_WEBAUTHN_…`.
 */
export function verifyAssertion(
  assertion: Assertion,
  expected: AssertionExpectation,
): { signCount: number } {
  const clientDataBytes = decodeBase64Url(assertion.clientDataJSON);
  const clientData = parseClientData(clientDataBytes);
  checkClientData(clientData, expected.origins);
  checkChallenge(clientData, expected.challenge);
  const authenticatorData = decodeBase64Url(assertion.authenticatorData);
  const signCount = checkAuthenticatorData(authenticatorData, expected.rpId);
  checkCounter(signCount, expected.signCount);
  checkSignature(assertion.signature, authenticatorData, clientDataBytes, expected.publicKeyPem);
  return { signCount };
}

function parseClientData(bytes: Buffer): JsonObject {
  if (bytes.length > maxClientDataBytes) {
    throw new ApprovalError(
      'E_WEBAUTHN_CLIENT_DATA',
      `at most ${maxClientDataBytes} bytes of client data expected, found ${bytes.length}`,
    );
  }
  const value = parseStrictJson(decodeUtf8(bytes), maxEnvelopeDepth);
  if (!isJsonObject(value)) {
    throw new ApprovalError('E_WEBAUTHN_CLIENT_DATA', 'the client data is not an object');
  }
  return value;
}

function checkClientData(clientData: JsonObject, origins: readonly string[]): void {
  const { type, crossOrigin, topOrigin, origin } = clientData;
  if (type !== 'webauthn.get') {
    throw new ApprovalError('E_WEBAUTHN_TYPE', 'type webauthn.get expected');
  }
  // Browsers may leave crossOrigin out for false; unknown further keys are theirs to add (section 5.8.1.2).
  if ((crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined) {
    throw new ApprovalError('E_WEBAUTHN_CROSS_ORIGIN', 'signed inside a frame of another site');
  }
  if (typeof origin !== 'string' || !origins.includes(origin)) {
    throw new ApprovalError(
      'E_WEBAUTHN_ORIGIN',
      `origin ${origins.join(' or ')} expected, found ${JSON.stringify(origin ?? null).slice(0, 200)}`,
    );
  }
}

function checkChallenge(clientData: JsonObject, challenge: Uint8Array): void {
  const wanted = Buffer.from(challenge).toString('base64url');
  if (clientData['challenge'] !== wanted) {
    throw new ApprovalError('E_WEBAUTHN_CHALLENGE', `challenge ${wanted} expected`);
  }
}

const flag = { userPresent: 0x01, userVerified: 0x04, backupEligible: 0x08, backedUp: 0x10 };
const knownFlags = flag.userPresent | flag.userVerified | flag.backupEligible | flag.backedUp;
/** RP id hash, flags, counter. We ask for no extension, and an assertion carries no attested key. */
const authenticatorDataLength = 32 + 1 + 4;

function checkAuthenticatorData(data: Buffer, rpId: string): number {
  if (data.length < authenticatorDataLength) {
    throw new ApprovalError(
      'E_WEBAUTHN_AUTH_DATA',
      `${authenticatorDataLength} bytes of authenticator data expected, found ${data.length}`,
    );
  }
  const rpIdHash = createHash('sha256').update(rpId, 'utf8').digest();
  if (!timingSafeEqual(data.subarray(0, 32), rpIdHash)) {
    throw new ApprovalError('E_WEBAUTHN_RPID', `the passkey signed for another site than ${rpId}`);
  }
  const flags = data.readUInt8(32);
  if ((flags & flag.userPresent) === 0) {
    throw new ApprovalError('E_WEBAUTHN_UP', 'user presence is not set');
  }
  if ((flags & flag.userVerified) === 0) {
    throw new ApprovalError('E_WEBAUTHN_UV', 'user verification is not set');
  }
  const backupIsConsistent = (flags & flag.backedUp) === 0 || (flags & flag.backupEligible) !== 0;
  if ((flags & ~knownFlags) !== 0 || !backupIsConsistent) {
    throw new ApprovalError('E_WEBAUTHN_FLAGS', `flags 0x${flags.toString(16)} were not asked for`);
  }
  if (data.length !== authenticatorDataLength) {
    throw new ApprovalError(
      'E_WEBAUTHN_AUTH_DATA',
      'bytes after the counter that no flag announces',
    );
  }
  return data.readUInt32BE(33);
}

/** @throws ApprovalError `E_WEBAUTHN_COUNTER` */
export function checkCounter(found: number, before: number): void {
  // A passkey that is synced between devices always says 0; one that ever counted must keep counting.
  if (found === 0 && before === 0) return;
  if (found <= before) {
    throw new ApprovalError(
      'E_WEBAUTHN_COUNTER',
      `a counter above ${before} expected, found ${found}`,
    );
  }
}

function checkSignature(
  signature: string,
  authenticatorData: Buffer,
  clientData: Buffer,
  publicKeyPem: string,
): void {
  const clientDataHash = createHash('sha256').update(clientData).digest();
  const message = Buffer.concat([authenticatorData, clientDataHash]);
  const key = enrolledKey(publicKeyPem);
  const algorithm = algorithmOf(key);
  if (algorithm === null) {
    throw new ApprovalError('E_WEBAUTHN_KEY', 'a P-256 or Ed25519 key expected');
  }
  if (!signatureIsValid(key, algorithm, message, decodeBase64Url(signature))) {
    throw new ApprovalError(
      'E_WEBAUTHN_SIG',
      'the signature does not verify with the enrolled key',
    );
  }
}

function enrolledKey(pem: string): KeyObject {
  try {
    return importPublicKey(pem);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw new ApprovalError('E_WEBAUTHN_KEY', cause.message, { cause });
  }
}
