import type { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { hasExactKeys, parseStrictJson } from '../encoding/strict-json.ts';
import { decodeUtf8 } from '../encoding/utf8.ts';
import { maxEnvelopeDepth, maxPayloadBytes, maxSignatures } from '../limits.ts';
import { DsseError } from './dsse-error.ts';

/** A DSSE envelope taken apart. Nothing in it is believed yet: `keyid` is a hint chosen by the sender. */
export type Envelope = {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
};

export type EnvelopeSignature = { readonly keyid: string; readonly sig: Buffer };

/** Base64 length of the largest payload: measured on the text, so that nothing too large is ever decoded. */
const maxPayloadText = Math.ceil(maxPayloadBytes / 3) * 4;

/**
 * Parses one envelope, a line of a bundle without its LF.
 *
 * @throws EncodingError (UTF-8, JSON, base64) or DsseError `E_ENVELOPE`, `E_SIG_COUNT`, `E_PAYLOAD_SIZE`, `E_PAYLOAD_TYPE`.
 */
export function parseEnvelope(line: Uint8Array, payloadType: string): Envelope {
  const envelope = envelopeShape(line);
  if (envelope.signatures.length < 1 || envelope.signatures.length > maxSignatures) {
    throw new DsseError(
      'E_SIG_COUNT',
      `1 to ${maxSignatures} signatures expected, found ${envelope.signatures.length}`,
    );
  }
  const payload = decodePayload(envelope.payload);
  const signatures = envelope.signatures.map(({ keyid, sig }) => ({
    keyid,
    sig: decodeBase64(sig),
  }));
  if (envelope.payloadType !== payloadType) {
    throw new DsseError(
      'E_PAYLOAD_TYPE',
      `payloadType ${payloadType} expected, found ${JSON.stringify(envelope.payloadType.slice(0, 100))}`,
    );
  }
  return { payloadType, payload, signatures };
}

function envelopeShape(line: Uint8Array) {
  const value = parseStrictJson(decodeUtf8(line), maxEnvelopeDepth);
  if (!hasExactKeys(value, ['payloadType', 'payload', 'signatures'])) {
    throw new DsseError(
      'E_ENVELOPE',
      'an object of payloadType, payload and signatures and nothing else expected',
    );
  }
  const payloadType = nonEmptyString(value['payloadType'], 'payloadType');
  const payload = nonEmptyString(value['payload'], 'payload');
  const list = value['signatures'];
  if (!Array.isArray(list)) throw new DsseError('E_ENVELOPE', 'signatures is not a list');
  const signatures = list.map((entry) => {
    if (!hasExactKeys(entry, ['keyid', 'sig'])) {
      throw new DsseError('E_ENVELOPE', 'signatures of keyid and sig and nothing else expected');
    }
    const { keyid, sig } = entry;
    if (typeof keyid !== 'string' || typeof sig !== 'string') {
      throw new DsseError('E_ENVELOPE', 'keyid and sig are strings');
    }
    return { keyid, sig };
  });
  return { payloadType, payload, signatures };
}

function nonEmptyString(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') {
    throw new DsseError('E_ENVELOPE', `${name} is not a string of at least one character`);
  }
  return value;
}

function decodePayload(text: string): Buffer {
  const tooLarge = () =>
    new DsseError('E_PAYLOAD_SIZE', `a payload of at most ${maxPayloadBytes} bytes expected`);
  if (text.length > maxPayloadText) throw tooLarge();
  const payload = decodeBase64(text);
  // The two lengths just above the limit share their base64 length with it.
  if (payload.length > maxPayloadBytes) throw tooLarge();
  return payload;
}
