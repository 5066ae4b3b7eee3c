import { Buffer } from 'node:buffer';
import { EncodingError } from './encoding-error.ts';
import { parseStrictJson, type JsonValue } from './strict-json.ts';
import { decodeUtf8 } from './utf8.ts';

/** What a document that we write may hold. Wider than JsonValue only in being read-only and in allowing type aliases. */
export type JsonInput =
  null | boolean | number | string | readonly JsonInput[] | { readonly [key: string]: JsonInput };

/**
 * The bytes of a document that we make: JSON without white space, keys in the order given, so that
 * `JSON.stringify(JSON.parse(text)) === text` holds for whoever reads it.
 *
 * @throws EncodingError `E_NOT_CANONICAL` for what JSON.stringify would drop or change silently (undefined, NaN, a date,
 *   keys that look like array indexes, which JavaScript moves to the front); `E_JSON_NUMBER` and the other codes of
 *   `parseStrictJson` for what our own reader would refuse.
 */
export function canonicalJson(value: JsonInput): Buffer {
  assertPlain(value, '$');
  const text = JSON.stringify(value);
  assertCanonical(text, parseStrictJson(text, 64));
  return Buffer.from(text, 'utf8');
}

/**
 * Reads a signed document and insists that its bytes are the only ones that say this.
 *
 * @throws EncodingError with the codes of `decodeUtf8` and `parseStrictJson`, then `E_NOT_CANONICAL`.
 */
export function parseCanonicalJson(bytes: Uint8Array, maxDepth: number): JsonValue {
  const text = decodeUtf8(bytes);
  const value = parseStrictJson(text, maxDepth);
  assertCanonical(text, value);
  return value;
}

function assertCanonical(text: string, value: JsonValue): void {
  if (JSON.stringify(value) !== text) {
    throw new EncodingError(
      'E_NOT_CANONICAL',
      'JSON exactly as JSON.stringify writes it expected: no white space, no other escapes or number forms',
    );
  }
}

function assertPlain(value: unknown, path: string): void {
  const refuse = (what: string): never => {
    throw new EncodingError('E_NOT_CANONICAL', `${path} is ${what}, which JSON does not carry`);
  };
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) refuse('not a safe integer');
    return;
  }
  if (typeof value !== 'object') {
    refuse(typeof value);
    return;
  }
  if (Array.isArray(value)) {
    // A sparse array reads as undefined here, and JSON.stringify would write null for it.
    for (let index = 0; index < value.length; index += 1)
      assertPlain(value[index], `${path}[${index}]`);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse('not a plain object');
  for (const [key, member] of Object.entries(value)) {
    if (/^(0|[1-9]\d*)$/.test(key)) refuse(`keyed by the number ${key}`);
    assertPlain(member, `${path}.${key}`);
  }
}
