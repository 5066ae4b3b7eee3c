/**
 * AES-256-GCM as this system uses it: `0x02 | nonce (12) | ciphertext | tag (16)`, of a plaintext that is filled up to the next
 * of 64, 128, 256 … bytes, so that what is stored does not tell how long a value is. What was sealed before has `0x01` and was
 * not filled up. @see NIST SP 800-38D
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EnvelopeError } from './envelope-error.ts';

/** Length of every key here, in bytes. */
export const keyBytes = 32;

const algorithm = 'aes-256-gcm';
const format = 0x02;
const unfilled = 0x01;
const nonceBytes = 12;
const tagBytes = 16;
const overheadBytes = 1 + nonceBytes + tagBytes;
const smallest = 64;
/** Stands behind the plaintext, before zeros (ISO/IEC 7816-4). */
const endMark = 0x80;

/** A new key. Whoever asks for it zeroes it when it is not needed any more: `key.fill(0)`. */
export function newKey(): Buffer {
  return randomBytes(keyBytes);
}

/**
 * Seals `plaintext` under `key` for the place that `context` names. The nonce is random: a key of this system seals far
 * fewer than the 2^32 messages up to which that is safe.
 */
export function seal(key: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(bound(context));
  const filled = fillUp(plaintext);
  const ciphertext = [cipher.update(filled), cipher.final()];
  filled.fill(0);
  return Buffer.concat([Buffer.of(format), nonce, ...ciphertext, cipher.getAuthTag()]);
}

/**
 * The plaintext, which the caller zeroes when it is done.
 *
 * @throws EnvelopeError `envelope-malformed`; `envelope-unopenable` for another key, another context or altered bytes.
 */
export function openSealed(key: Uint8Array, sealed: Uint8Array, context: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const isFilled = bytes[0] === format;
  if (bytes.length < overheadBytes || !(isFilled || bytes[0] === unfilled)) {
    throw new EnvelopeError(
      'envelope-malformed',
      `not a sealed value of format ${unfilled} or ${format}: ${bytes.length} bytes`,
    );
  }
  const tagAt = bytes.length - tagBytes;
  // Without authTagLength, Node takes a tag of four bytes, which can be guessed.
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(1, 1 + nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(isFilled ? bound(context) : context);
  decipher.setAuthTag(bytes.subarray(tagAt));
  const unproven = decipher.update(bytes.subarray(1 + nonceBytes, tagAt));
  try {
    decipher.final();
  } catch (cause) {
    unproven.fill(0);
    throw new EnvelopeError(
      'envelope-unopenable',
      'this does not open: another key, another place than it was sealed for, or other bytes',
      { cause },
    );
  }
  return isFilled ? withoutFilling(unproven) : unproven;
}

/** With the format in it: a value whose format byte was changed is not taken for one with its filling. */
const bound = (context: Uint8Array): Buffer => Buffer.concat([Buffer.of(format), context]);

function fillUp(plaintext: Uint8Array): Buffer {
  let length = smallest;
  while (length <= plaintext.length) length *= 2;
  const filled = Buffer.alloc(length);
  filled.set(plaintext);
  filled[plaintext.length] = endMark;
  return filled;
}

/** The beginning of the same memory, so that whoever zeroes it leaves nothing. */
function withoutFilling(filled: Buffer): Buffer {
  const end = filled.lastIndexOf(endMark);
  if (end === -1) throw new EnvelopeError('envelope-malformed', 'a sealed value without its end');
  return filled.subarray(0, end);
}
