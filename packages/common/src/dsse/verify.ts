/**
 * From unverified bytes to a payload that pinned signers vouch for. The payload is given out only here, once, and only
 * after every signature by a known key has verified.
 */
import type { Buffer } from 'node:buffer';
import { signatureIsValid, type PinnedSigner, type TrustStore } from '../trust/signer.ts';
import { DsseError } from './dsse-error.ts';
import type { Envelope } from './envelope.ts';
import { pae } from './pae.ts';

declare const verified: unique symbol;

/** A payload with the distinct pinned signers who signed it. Made by `verifyEnvelope` alone. */
export type VerifiedPayload = {
  readonly payload: Buffer;
  readonly signers: readonly [PinnedSigner, ...PinnedSigner[]];
  readonly [verified]: true;
};

/** When keys are judged: their window at the moment of receipt, revocation as it is known now. */
export type KeyJudgement = { readonly receivedAt: Date; readonly now: Date };

/**
 * Verifies every signature whose key is pinned; signatures by strangers are skipped.
 *
 * A signature by a *known* key that fails is fatal, as in C2SP signed-note: somebody altered the envelope or the key is
 * misused, and other good signatures do not make that harmless. Roles and thresholds are for the caller, who knows what
 * the statement claims to be; `signers` has each key once.
 *
 * @throws DsseError `E_TRUST_STORE`, `E_SIG_INVALID`, `E_KEY_REVOKED`, `E_KEY_NOT_YET_VALID`, `E_KEY_EXPIRED`,
 *   `E_SIG_DUP`, or `E_KEY_UNKNOWN` when no signature is by a pinned key.
 * @see DSSE v1 protocol, "Verification"
 */
export function verifyEnvelope(
  envelope: Envelope,
  trust: TrustStore,
  at: KeyJudgement,
): VerifiedPayload {
  const message = pae(envelope.payloadType, envelope.payload);
  const good = new Map<string, PinnedSigner>();
  for (const { keyid, sig } of envelope.signatures) {
    const signer = pinnedSigner(trust, keyid);
    if (signer === null) continue;
    if (!signatureIsValid(signer.key, signer.alg, message, sig)) {
      throw new DsseError('E_SIG_INVALID', `the signature by pinned key ${keyid} does not verify`);
    }
    assertKeyIsValid(signer, at);
    if (good.has(keyid)) {
      throw new DsseError('E_SIG_DUP', `key ${keyid} signs twice; a key counts once`);
    }
    good.set(keyid, signer);
  }
  const [first, ...rest] = good.values();
  if (first === undefined) {
    throw new DsseError('E_KEY_UNKNOWN', 'no signature is by a key that is pinned here');
  }
  // The brand is made here and nowhere else.
  return { payload: envelope.payload, signers: [first, ...rest] } as unknown as VerifiedPayload;
}

function pinnedSigner(trust: TrustStore, keyid: string): PinnedSigner | null {
  const fault = trust.faults.get(keyid);
  if (fault !== undefined) {
    throw new DsseError('E_TRUST_STORE', `the trust row of key ${keyid} is not whole: ${fault}`);
  }
  return trust.signers.get(keyid) ?? null;
}

function assertKeyIsValid(signer: PinnedSigner, at: KeyJudgement): void {
  const { keyid, revokedAt, notBefore, notAfter } = signer;
  // Each comparison asks for what is good, here and in the steps after this: a time that is none (NaN) refuses.
  if (revokedAt !== null && !(at.now.getTime() < revokedAt.getTime())) {
    throw new DsseError('E_KEY_REVOKED', `key ${keyid} was revoked at ${revokedAt.toISOString()}`);
  }
  if (!(at.receivedAt.getTime() >= notBefore.getTime())) {
    throw new DsseError(
      'E_KEY_NOT_YET_VALID',
      `key ${keyid} is valid from ${notBefore.toISOString()}`,
    );
  }
  if (!(at.receivedAt.getTime() <= notAfter.getTime())) {
    throw new DsseError('E_KEY_EXPIRED', `key ${keyid} was valid until ${notAfter.toISOString()}`);
  }
}
