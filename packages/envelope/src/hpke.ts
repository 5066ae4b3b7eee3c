/**
 * Sealing to a public key, so that only its holder opens: HPKE in base mode, one message a key, with DHKEM(X25519,
 * HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305, which is the suite of RFC 9180 appendix A.2. Node has the primitives and
 * not the construction.
 *
 * @see RFC 9180 sections 4.1, 5.1, 6.1
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { EnvelopeError } from './envelope-error.ts';

/** Length of a public key, in bytes. */
export const publicKeyBytes = 32;

const algorithm = 'chacha20-poly1305';
const keyLength = 32;
const nonceLength = 12;
const tagLength = 16;

const twoBytes = (number: number): Buffer => Buffer.of(number >> 8, number & 0xff);
const kem = 0x0020;
const kemSuite = Buffer.concat([Buffer.from('KEM'), twoBytes(kem)]);
const suite = Buffer.concat([
  Buffer.from('HPKE'),
  ...[kem, 0x0001, 0x0003].map((id) => twoBytes(id)),
]);
const baseMode = Buffer.of(0);
const nothing = Buffer.alloc(0);

export interface Recipient {
  /** Raw, {@link publicKeyBytes} long. */
  readonly publicKey: Buffer;
  readonly privateKey: KeyObject;
}

export function newRecipient(): Recipient {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: rawPublicKey(publicKey), privateKey };
}

/**
 * Seals `plaintext` to `publicKey` under a key that is made for this message and forgotten.
 *
 * @param publicKey raw; whoever holds its private half, and nobody else, opens what is returned.
 * @param info what is sealed for whom: opens only with the same bytes.
 * @throws EnvelopeError `envelope-malformed` for what is no public key.
 */
export function sealTo(
  publicKey: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array = nothing,
): Buffer {
  const recipient = importPublicKey(publicKey);
  const ephemeral = generateKeyPairSync('x25519');
  const encapsulated = rawPublicKey(ephemeral.publicKey);
  const shared = agree(ephemeral.privateKey, recipient);
  return withSchedule({ shared, encapsulated, publicKey, info }, (key, nonce) => {
    const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagLength });
    cipher.setAAD(aad, { plaintextLength: plaintext.length });
    const sealed = [cipher.update(plaintext), cipher.final()];
    return Buffer.concat([encapsulated, ...sealed, cipher.getAuthTag()]);
  });
}

/**
 * The plaintext, which the caller zeroes when it is done.
 *
 * @throws EnvelopeError `envelope-malformed`; `envelope-unopenable` for another key, other `info` or altered bytes.
 */
export function openFrom(
  { publicKey, privateKey }: Recipient,
  info: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array = nothing,
): Buffer {
  const bytes = Buffer.from(sealed);
  const tagAt = bytes.length - tagLength;
  if (tagAt < publicKeyBytes) {
    throw new EnvelopeError('envelope-malformed', `not sealed to a key: ${bytes.length} bytes`);
  }
  const encapsulated = bytes.subarray(0, publicKeyBytes);
  const shared = agree(privateKey, importPublicKey(encapsulated));
  return withSchedule({ shared, encapsulated, publicKey, info }, (key, nonce) => {
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagLength });
    const ciphertext = bytes.subarray(publicKeyBytes, tagAt);
    decipher.setAAD(aad, { plaintextLength: ciphertext.length });
    decipher.setAuthTag(bytes.subarray(tagAt));
    const unproven = decipher.update(ciphertext);
    try {
      decipher.final();
    } catch (cause) {
      unproven.fill(0);
      throw new EnvelopeError(
        'envelope-unopenable',
        'this does not open: sealed to another key, for another purpose, or other bytes',
        { cause },
      );
    }
    return unproven;
  });
}

function withSchedule<T>(
  made: {
    readonly shared: Buffer;
    readonly encapsulated: Uint8Array;
    readonly publicKey: Uint8Array;
    readonly info: Uint8Array;
  },
  work: (key: Buffer, nonce: Buffer) => T,
): T {
  const kemContext = Buffer.concat([made.encapsulated, made.publicKey]);
  const agreed = extract(kemSuite, nothing, 'eae_prk', made.shared);
  const shared = expand(kemSuite, agreed, 'shared_secret', kemContext, 32);
  const context = Buffer.concat([
    baseMode,
    extract(suite, nothing, 'psk_id_hash', nothing),
    extract(suite, nothing, 'info_hash', made.info),
  ]);
  const secret = extract(suite, shared, 'secret', nothing);
  const key = expand(suite, secret, 'key', context, keyLength);
  try {
    return work(key, expand(suite, secret, 'base_nonce', context, nonceLength));
  } finally {
    for (const used of [made.shared, agreed, shared, secret, key]) used.fill(0);
  }
}

function extract(id: Buffer, salt: Uint8Array, label: string, input: Uint8Array): Buffer {
  return createHmac('sha256', salt)
    .update('HPKE-v1')
    .update(id)
    .update(label)
    .update(input)
    .digest();
}

/** One block of HKDF-Expand, which is all that is ever needed here. */
function expand(id: Buffer, key: Buffer, label: string, info: Uint8Array, length: number): Buffer {
  const hmac = createHmac('sha256', key).update(twoBytes(length)).update('HPKE-v1').update(id);
  return hmac.update(label).update(info).update(Buffer.of(1)).digest().subarray(0, length);
}

function agree(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch (cause) {
    // A point of small order: the result would be the same whoever asks.
    throw new EnvelopeError('envelope-malformed', 'not a usable X25519 public key', { cause });
  }
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

function importPublicKey(raw: Uint8Array): KeyObject {
  if (raw.length !== publicKeyBytes) {
    throw new EnvelopeError('envelope-malformed', `not an X25519 public key: ${raw.length} bytes`);
  }
  const key = { kty: 'OKP', crv: 'X25519', x: Buffer.from(raw).toString('base64url') };
  return createPublicKey({ key, format: 'jwk' });
}
