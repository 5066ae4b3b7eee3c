import { Buffer } from 'node:buffer';
import { sign, type KeyObject } from 'node:crypto';
import { pae } from './pae.ts';

/** A private key and the id under which verifiers have pinned its public half (`keyIdOf`). */
export type SigningKey = { readonly keyid: string; readonly privateKey: KeyObject };

/**
 * Makes one envelope: a line of a bundle, without the LF.
 *
 * ECDSA P-256 keys sign SHA-256 and give DER, Ed25519 keys sign the bytes themselves: the two forms that `verify` accepts.
 *
 * @param keys one or more; a rotation signs with the old and the new key.
 */
export function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  keys: readonly [SigningKey, ...SigningKey[]],
): string {
  const message = pae(payloadType, payload);
  return JSON.stringify({
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: keys.map(({ keyid, privateKey }) => ({
      keyid,
      sig: signBytes(privateKey, message).toString('base64'),
    })),
  });
}

function signBytes(privateKey: KeyObject, message: Uint8Array): Buffer {
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return sign(algorithm, message, privateKey);
}
