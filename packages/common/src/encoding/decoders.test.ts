/** The strict decoders say what the platform's say of what they take, and take nothing else. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64, decodeBase64Url } from './base64.ts';
import { canonicalJson, parseCanonicalJson } from './canonical-json.ts';
import { decodeHex } from './hex.ts';
import { decodeUtf8 } from './utf8.ts';

const bytes = fc.uint8Array({ maxLength: 64 });

function decoded(decode: () => Uint8Array): Buffer | null {
  try {
    return Buffer.from(decode());
  } catch {
    return null;
  }
}

test('base64 and hexadecimal: what is encoded decodes to the same bytes', () => {
  fc.assert(
    fc.property(bytes, (input) => {
      const buffer = Buffer.from(input);
      assert.ok(decodeBase64(buffer.toString('base64')).equals(buffer));
      assert.ok(decodeBase64Url(buffer.toString('base64url')).equals(buffer));
      assert.ok(decodeHex(buffer.toString('hex')).equals(buffer));
    }),
  );
});

test('base64 and hexadecimal: no two texts are the same bytes', () => {
  const text = fc.string({
    unit: fc.constantFrom(...Array.from('ABab01+/-_= \n')),
    maxLength: 8,
  });
  fc.assert(
    fc.property(text, (input) => {
      const standard = decoded(() => decodeBase64(input));
      if (standard !== null) assert.equal(standard.toString('base64'), input);
      const url = decoded(() => decodeBase64Url(input));
      if (url !== null) assert.equal(url.toString('base64url'), input);
      const hex = decoded(() => decodeHex(input));
      if (hex !== null) assert.equal(hex.toString('hex'), input);
    }),
    { numRuns: 2000 },
  );
});

test('UTF-8: decodes as TextDecoder does where that is strict, and refuses where that refuses', () => {
  const reference = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      ),
      (input) => {
        let expected: string | null;
        try {
          expected = reference.decode(input);
        } catch {
          expected = null;
        }
        if (expected === null || expected.startsWith('\ufeff')) {
          assert.throws(() => decodeUtf8(input), { code: 'E_ENCODING' });
        } else {
          assert.equal(decodeUtf8(input), expected);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('canonical JSON: what is written reads back equal, and with a space more it is refused', () => {
  const document = fc.dictionary(
    fc.string().filter((key) => key !== '__proto__' && !/^(0|[1-9]\d*)$/.test(key)),
    fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
    { minKeys: 1, noNullPrototype: true },
  );
  fc.assert(
    fc.property(document, (value) => {
      const isMinusZero = Object.values(value).some((each) => Object.is(each, -0));
      if (isMinusZero) return;
      const written = canonicalJson(value);
      assert.deepEqual(parseCanonicalJson(written, 4), value);
      const spaced = Buffer.from(written.toString().replace('{', '{ '));
      assert.throws(() => parseCanonicalJson(spaced, 4), { code: 'E_NOT_CANONICAL' });
    }),
    { numRuns: 500 },
  );
});
