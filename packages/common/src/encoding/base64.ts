import { Buffer } from 'node:buffer';
import { EncodingError } from './encoding-error.ts';

/**
 * Decodes standard base64 (RFC 4648 section 4) with padding.
 *
 * Node's own decoder skips what it does not know and reads both alphabets, so many texts mean the same bytes. Encoding
 * again and comparing leaves exactly one: no white space, no other alphabet, no missing padding, no stray trailing bits.
 *
 * @throws EncodingError `E_BASE64`.
 */
export function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) {
    throw new EncodingError('E_BASE64', 'standard base64 with padding and nothing else expected');
  }
  return bytes;
}

/**
 * Decodes base64url (RFC 4648 section 5) without padding, as browsers give it.
 *
 * @throws EncodingError `E_BASE64`.
 */
export function decodeBase64Url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) {
    throw new EncodingError('E_BASE64', 'base64url without padding and nothing else expected');
  }
  return bytes;
}
