/** Opening what the gate itself signed: one envelope, one signature, by a key that the reader pinned. */
import type { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { intotoPayloadType } from '../constants.ts';
import {
  algorithmOf,
  importPublicKey,
  keyIdOf,
  signatureIsValid,
  TrustError,
} from '../trust/signer.ts';
import { DsseError } from './dsse-error.ts';
import { parseEnvelope } from './envelope.ts';
import { pae } from './pae.ts';

export const AttestationKey = z.strictObject({
  keyid: z.string().describe('base64(SHA-256(SPKI DER)) of the key.'),
  publicKeyPem: z.string(),
  alg: z.enum(['ecdsa-p256-sha256', 'ed25519']),
});
export type AttestationKey = z.infer<typeof AttestationKey>;

export type ImportedKey = Pick<AttestationKey, 'keyid' | 'alg'> & { readonly key: KeyObject };

/** @throws TrustError `E_TRUST_STORE` when id, algorithm and key do not belong together. */
export function importAttestationKey(row: AttestationKey): ImportedKey {
  const key = importPublicKey(row.publicKeyPem);
  if (algorithmOf(key) !== row.alg || keyIdOf(key) !== row.keyid) {
    throw new TrustError(
      'E_TRUST_STORE',
      `the attestation key ${row.keyid} is not the key of this id and alg; copy its row as the gate's administrator gave it`,
    );
  }
  return { keyid: row.keyid, alg: row.alg, key };
}

/**
 * The payload of an envelope that exactly one of `keys` signed.
 *
 * @throws EncodingError, or DsseError `E_ENVELOPE`, `E_SIG_COUNT`, `E_PAYLOAD_…`, `E_KEY_UNKNOWN`, `E_SIG_INVALID`.
 */
export function openSigned(
  line: Uint8Array,
  keys: readonly ImportedKey[],
): { readonly payload: Buffer; readonly keyid: string } {
  const { payloadType, payload, signatures } = parseEnvelope(line, intotoPayloadType);
  const [signature] = signatures;
  if (signature === undefined || signatures.length !== 1) {
    throw new DsseError('E_SIG_COUNT', `one signature expected, found ${signatures.length}`);
  }
  const signer = keys.find(({ keyid }) => keyid === signature.keyid);
  if (signer === undefined) {
    throw new DsseError('E_KEY_UNKNOWN', 'it is not signed by a key that is pinned here');
  }
  if (!signatureIsValid(signer.key, signer.alg, pae(payloadType, payload), signature.sig)) {
    throw new DsseError(
      'E_SIG_INVALID',
      `the signature by pinned key ${signer.keyid} does not verify`,
    );
  }
  return { payload, keyid: signer.keyid };
}
