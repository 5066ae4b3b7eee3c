import { Buffer, isUtf8 } from 'node:buffer';
import { EncodingError } from './encoding-error.ts';

const byteOrderMark = '\uFEFF';

/**
 * Decodes UTF-8 without replacing anything: the text encodes to the same bytes again.
 *
 * @throws EncodingError `E_ENCODING` for malformed UTF-8, and for a byte order mark at the start, which some parsers
 *   skip and others refuse.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new EncodingError('E_ENCODING', 'well-formed UTF-8 expected');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.startsWith(byteOrderMark)) {
    throw new EncodingError('E_ENCODING', 'UTF-8 without a byte order mark expected');
  }
  return text;
}

/** True for printable ASCII only: look-alikes, zero-width characters and line feeds cannot hide in such a text. */
export function isPrintableAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit > 0x7e) return false;
  }
  return true;
}
