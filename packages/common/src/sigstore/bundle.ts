/**
 * Sigstore bundle v0.3 as an export, for tools that read nothing else. It says no more than the DSSE envelope in it, and the
 * gate never takes one in.
 *
 * @see sigstore/protobuf-specs, sigstore_bundle.proto
 */
import { DsseError } from '../dsse/dsse-error.ts';
import { parseEnvelope } from '../dsse/envelope.ts';
import { intotoPayloadType } from '../constants.ts';

export type SigstoreBundle = {
  readonly mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json';
  readonly verificationMaterial: { readonly publicKey: { readonly hint: string } };
  readonly dsseEnvelope: {
    readonly payload: string;
    readonly payloadType: string;
    readonly signatures: readonly [{ readonly sig: string; readonly keyid: string }];
  };
};

/**
 * A bundle holds exactly one signature, so of an envelope with more the one by `keyid` is exported.
 *
 * @param keyid signer whose signature to export; also the bundle's hint, which must name the same key.
 * @throws EncodingError or DsseError; `E_KEY_UNKNOWN` when that key signed nothing.
 */
export function sigstoreBundle(envelope: Uint8Array, keyid: string): SigstoreBundle {
  const { payload, signatures } = parseEnvelope(envelope, intotoPayloadType);
  const found = signatures.find((signature) => signature.keyid === keyid);
  if (found === undefined) {
    throw new DsseError('E_KEY_UNKNOWN', `the envelope has no signature by ${keyid}`);
  }
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: keyid } },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: intotoPayloadType,
      signatures: [{ sig: found.sig.toString('base64'), keyid }],
    },
  };
}
