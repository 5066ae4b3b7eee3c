/**
 * A JSON reader for signed documents (RFC 8259), stricter than JSON.parse where two parsers could disagree about what a
 * document says: a key twice, `__proto__`, numbers that lose digits, halves of surrogate pairs, unbounded nesting.
 */
import { EncodingError } from './encoding-error.ts';

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

/**
 * @param maxDepth how many arrays and objects may stand inside each other; `[]` has depth 1.
 * @throws EncodingError `E_JSON` (syntax, or anything after the value), `E_JSON_DEPTH`, `E_JSON_DUP`, `E_JSON_KEY`
 *   (`__proto__`), `E_JSON_NUMBER` (not a safe integer), `E_UNICODE` (lone surrogate).
 */
export function parseStrictJson(text: string, maxDepth: number): JsonValue {
  const reader = createReader(text, maxDepth);
  const value = reader.value(0);
  reader.end();
  return value;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True when the value is an object with these keys, no other, none missing. */
export function hasExactKeys(
  value: JsonValue | undefined,
  keys: readonly string[],
): value is JsonObject {
  return (
    isJsonObject(value) &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key))
  );
}

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Everything a string may hold unescaped: not the quote, not the backslash, no control character.
// eslint-disable-next-line no-control-regex -- control characters are what this excludes
const plainText = /[^"\\\u0000-\u001f]*/y;
const loneSurrogate = /\p{Surrogate}/u;
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function createReader(text: string, maxDepth: number) {
  let position = 0;

  const fail = (expected: string): never => {
    throw new EncodingError('E_JSON', `${expected} expected at offset ${position}`);
  };

  const skipSpace = () => {
    while (/[ \t\n\r]/.test(text.charAt(position))) position += 1;
  };

  const take = (literal: string): boolean => {
    if (!text.startsWith(literal, position)) return false;
    position += literal.length;
    return true;
  };

  const match = (pattern: RegExp): string => {
    pattern.lastIndex = position;
    const found = pattern.exec(text)?.[0] ?? '';
    position += found.length;
    return found;
  };

  const readNumber = (): number => {
    const found = match(number);
    if (found === '') fail('a value');
    const value = Number(found);
    // 1e400 and 9007199254740993 read back as something else; a fraction has no place in any of our documents.
    if (!Number.isSafeInteger(value)) {
      throw new EncodingError('E_JSON_NUMBER', `${found.slice(0, 40)} is not a safe integer`);
    }
    return value;
  };

  const readEscape = (): string => {
    const letter = text.charAt(position);
    position += 1;
    if (letter === 'u') {
      const digits = text.slice(position, position + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail('four hexadecimal digits');
      position += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    return escapes.get(letter) ?? fail('a known escape');
  };

  const readString = (): string => {
    if (!take('"')) fail('a string');
    let value = match(plainText);
    while (!take('"')) {
      if (!take('\\')) fail('the end of the string, or no control character in it,');
      value += readEscape() + match(plainText);
    }
    if (loneSurrogate.test(value)) {
      throw new EncodingError('E_UNICODE', `half of a surrogate pair before offset ${position}`);
    }
    return value;
  };

  const readArray = (depth: number): JsonValue[] => {
    const list: JsonValue[] = [];
    skipSpace();
    if (take(']')) return list;
    do list.push(value(depth));
    while (take(','));
    if (!take(']')) fail('a comma or ]');
    return list;
  };

  const readObject = (depth: number): JsonObject => {
    const object: JsonObject = {};
    skipSpace();
    if (take('}')) return object;
    do {
      skipSpace();
      const key = readString();
      if (key === '__proto__') throw new EncodingError('E_JSON_KEY', 'key __proto__ is forbidden');
      if (Object.hasOwn(object, key)) {
        throw new EncodingError('E_JSON_DUP', `key ${JSON.stringify(key.slice(0, 60))} twice`);
      }
      skipSpace();
      if (!take(':')) fail('a colon');
      object[key] = value(depth);
    } while (take(','));
    if (!take('}')) fail('a comma or }');
    return object;
  };

  const nested = (depth: number): number => {
    if (depth >= maxDepth) {
      throw new EncodingError('E_JSON_DEPTH', `at most ${maxDepth} levels of nesting expected`);
    }
    return depth + 1;
  };

  // White space is skipped on both sides, so that callers look at the next sign directly.
  const value = (depth: number): JsonValue => {
    skipSpace();
    const found = bareValue(depth);
    skipSpace();
    return found;
  };

  const bareValue = (depth: number): JsonValue => {
    if (take('{')) return readObject(nested(depth));
    if (take('[')) return readArray(nested(depth));
    if (text.charAt(position) === '"') return readString();
    if (take('true')) return true;
    if (take('false')) return false;
    if (take('null')) return null;
    return readNumber();
  };

  const end = () => {
    if (position !== text.length) fail('the end of the document');
  };

  return { value, end };
}
