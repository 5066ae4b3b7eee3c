import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contextOf, type Sealed } from './context.ts';
import { newKey, openSealed, seal } from './seal.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const context = contextOf({ type: 'project-dek', project: 'shop/web', dek: 'dek_0000000000' });

test('what others sealed by the published vector opens, so that this is AES-256-GCM', () => {
  // Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation".
  const key = hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308');
  const sealed = hex(
    '01' +
      'cafebabefacedbaddecaf888' +
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b',
  );
  const plain = openSealed(key, sealed, hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'));
  assert.equal(
    plain.toString('hex'),
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  );
});

test('what was sealed opens under its key and context, and no two seals of it are the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => {
      const key = newKey();
      const sealed = seal(key, plain, context);
      assert.ok(openSealed(key, sealed, context).equals(Buffer.from(plain)));
      assert.ok(!seal(key, plain, context).equals(sealed));
    }),
    { numRuns: 50 },
  );
});

test('a thousand seals of one value are a thousand different values, and of one length', () => {
  const key = newKey();
  const sealed = Array.from({ length: 1000 }, () => seal(key, Buffer.from('hunter2'), context));
  assert.equal(new Set(sealed.map((each) => each.toString('hex'))).size, 1000);
  assert.equal(new Set(sealed.map(({ length }) => length)).size, 1);
});

test('of values up to 63 bytes none can be told from another by its length, and so in each of the larger sizes', () => {
  const key = newKey();
  const lengthOf = (bytes: number): number => seal(key, Buffer.alloc(bytes, 7), context).length;
  assert.deepEqual(new Set([0, 1, 20, 63].map(lengthOf)), new Set([lengthOf(32)]));
  assert.deepEqual(new Set([64, 100, 127].map(lengthOf)), new Set([lengthOf(65)]));
  assert.ok(lengthOf(64) > lengthOf(63) && lengthOf(128) > lengthOf(127));
});

test('a value that ends as its filling does opens as it was', () => {
  const key = newKey();
  for (const hexText of ['80', '8000', '00', '0080', '61800000']) {
    assert.equal(
      openSealed(key, seal(key, hex(hexText), context), context).toString('hex'),
      hexText,
    );
  }
});

test('a value is not opened by the rules of the other format', () => {
  const key = newKey();
  const sealed = seal(key, Buffer.from('a low-value value'), context);
  sealed[0] = 1;
  assert.throws(() => openSealed(key, sealed, context), { code: 'envelope-unopenable' });
});

test('one flipped bit anywhere, another key or another context opens nothing', () => {
  const key = newKey();
  const sealed = seal(key, Buffer.from('a low-value value'), context);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const altered = Buffer.from(sealed);
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(
      () => openSealed(key, altered, context),
      { code: bit < 8 ? 'envelope-malformed' : 'envelope-unopenable' },
      `bit ${bit}`,
    );
  }
  const other = contextOf({ type: 'project-dek', project: 'shop/web', dek: 'dek_0000000001' });
  assert.throws(() => openSealed(key, sealed, other), { code: 'envelope-unopenable' });
  assert.throws(() => openSealed(newKey(), sealed, context), { code: 'envelope-unopenable' });
});

test('a tag that was cut to four bytes opens nothing', () => {
  const key = newKey();
  const sealed = seal(key, Buffer.from('a low-value value'), context);
  const cut = sealed.subarray(0, sealed.length - 12);
  assert.throws(() => openSealed(key, cut, context), { code: 'envelope-unopenable' });
});

test('too short to be sealed is malformed, not a fault of this code', () => {
  for (const length of [0, 1, 28]) {
    const bytes = Buffer.alloc(length, 1);
    assert.throws(() => openSealed(newKey(), bytes, context), { code: 'envelope-malformed' });
  }
});

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const version = fc.integer({ min: 1, max: 99 });
const anySealed: fc.Arbitrary<Sealed> = fc.oneof(
  fc.record({ type: fc.constant('project-dek' as const), project: text, dek: text }),
  fc.record({
    type: fc.constant('secret-dek' as const),
    project: text,
    dek: text,
    secret: text,
    name: text,
    version,
  }),
  fc.record({
    type: fc.constant('secret-value' as const),
    project: text,
    secret: text,
    name: text,
    version,
  }),
  fc.record({ type: fc.constant('build-dek' as const), project: text, dek: text, run: text }),
  fc.record({
    type: fc.constant('build-box' as const),
    ...{ run: text, job: text, lease: fc.nat(), step: text, name: text },
  }),
);

test('two places have the same context only when they are the same place', () => {
  fc.assert(
    fc.property(anySealed, anySealed, (one, other) => {
      const isSame = contextOf(one).equals(contextOf(other));
      assert.equal(isSame, JSON.stringify(one) === JSON.stringify(other));
    }),
    { numRuns: 2000 },
  );
});

test('what is moved from one part to the next is another place', () => {
  const place = (project: string, dek: string): Buffer =>
    contextOf({ type: 'project-dek', project, dek });
  assert.ok(!place('ab', 'c').equals(place('a', 'bc')));
  assert.ok(!place('', 'abc').equals(place('abc', '')));
  // A lone surrogate and the replacement character have the same bytes.
  assert.throws(() => place('\ud800', 'x'), { code: 'envelope-malformed' });
});
