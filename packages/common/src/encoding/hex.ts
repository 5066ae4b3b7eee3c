import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { EncodingError } from './encoding-error.ts';

/** Decodes lower-case hexadecimal. @throws EncodingError `E_HEX`. */
export function decodeHex(text: string): Buffer {
  const bytes = Buffer.from(text, 'hex');
  if (bytes.toString('hex') !== text) {
    throw new EncodingError(
      'E_HEX',
      'lower-case hexadecimal digits, an even number of them, expected',
    );
  }
  return bytes;
}

/** SHA-256 of the bytes as 64 lower-case hexadecimal digits, the form of every digest in Airlock's documents. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** True for 64 lower-case hexadecimal digits: no prefix, no upper case, no white space. */
export function isSha256Hex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text) && text.length === 64;
}

/** True for a full git object id of the SHA-1 format: 40 lower-case hexadecimal digits. */
export function isGitObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text) && text.length === 40;
}
