import fc from 'fast-check';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { base64Piece, formsOf, hexPiece } from './forms.ts';
import { createMasker, maskText, minSecretBytes, type Masker } from './masker.ts';

const password = 'p@ss/w0rd+"quoted"-ü-<1234567890>';
const { privateKey: pem } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

const of = (...secrets: string[]): Masker => createMasker(secrets.map((each) => Buffer.from(each)));

function masked(masker: Masker, chunks: readonly Uint8Array[]): string {
  const stream = masker.stream();
  return Buffer.concat([...chunks.map((each) => stream.write(each)), stream.end()]).toString(
    'latin1',
  );
}

/** The definition, as slow as it is plain: the union of all places where a form stands. */
function expected(
  bytes: Buffer,
  secrets: readonly Uint8Array[],
  minBytes = minSecretBytes,
): string {
  const hidden = new Uint8Array(bytes.length + 1);
  for (const { texts, pieces } of secrets.map((each) => formsOf(each, minBytes))) {
    const parts = pieces.flatMap(({ form, size }) => {
      const length = Math.min(size, form.length);
      return Array.from({ length: form.length - length + 1 }, (_, at) =>
        form.subarray(at, at + length),
      );
    });
    for (const pattern of [...texts, ...parts]) {
      for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 1)) {
        hidden.fill(1, at, at + pattern.length);
      }
    }
  }
  let text = '';
  for (const [at, byte] of bytes.entries()) {
    if (hidden[at] === 0) text += String.fromCharCode(byte);
    else if (at === 0 || hidden[at - 1] === 0) text += maskText;
  }
  return text;
}

const upper = (text: string) => text.toUpperCase();
const printed: [form: string, text: string][] = [
  ['as it is', `password is ${password}.`],
  ['a URL', `postgres://u:${encodeURIComponent(password)}@host/db`],
  [
    'a URL of lower case',
    encodeURIComponent(password).replace(/%../g, (each) => each.toLowerCase()),
  ],
  ['a form', new URLSearchParams({ password }).toString()],
  ['JSON', JSON.stringify({ password })],
  ['JSON in JSON', JSON.stringify(JSON.stringify({ password }))],
  ['JSON as Python writes it', JSON.stringify(password).replaceAll('ü', '\\u00fc')],
  [
    'JSON as Go writes it',
    JSON.stringify(password).replace('<', '\\u003c').replace('>', '\\u003e'),
  ],
  ['JSON as PHP writes it', JSON.stringify(password).replaceAll('/', '\\/')],
  ['HTML', password.replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')],
  ['hex', Buffer.from(password).toString('hex')],
  ['upper-case hex', upper(Buffer.from(password).toString('hex'))],
  ['base64', Buffer.from(password).toString('base64')],
  ['base64url', Buffer.from(password).toString('base64url')],
  ...['u', 'us', 'use', 'v-jwt-prod:'].map((before): [string, string] => [
    `base64 behind ${before.length} bytes`,
    Buffer.from(`${before}${password}:after`).toString('base64'),
  ]),
];
for (const [form, text] of printed) {
  test(`a password is masked in ${form}, and what stands around it is left`, () => {
    const [before = '', after = '', ...more] = of(password).text(`>>${text}<<`).split(maskText);
    assert.ok(before.startsWith('>>') && after.endsWith('<<'));
    assert.deepEqual(more, []);
    // Characters of base64 that hold a bit of something else are not the password's.
    assert.ok(before.length + after.length <= 4 + text.length - password.length);
  });
}

test('the output is the definition’s, however the input is cut', () => {
  const binary = Uint8Array.from([0, 255, 254, 1, 2, 3, 9, 200]);
  const texts = [
    'tok-1234567',
    'tok-12345678',
    '4567-end of it',
    'ünïcode✓',
    'aaaaaaaa',
    'aaaaaaaab',
    pem,
  ];
  const secrets = [...texts.map((each) => Buffer.from(each)), binary];
  const masker = createMasker(secrets);
  const word = fc.oneof(
    fc
      .constantFrom(...texts, '\n', '\r\n', '\0', 'tok-', '4567', ' ', 'a', 'aaaaaaa')
      .map((each) => Buffer.from(each)),
    fc
      .constantFrom(...texts)
      .chain((each) => fc.nat(each.length).map((to) => Buffer.from(each.slice(0, to)))),
    fc.constantFrom(...texts).map((each) => Buffer.from(Buffer.from(each).toString('base64'))),
    fc.constantFrom(...texts).map((each) => Buffer.from(Buffer.from(`x${each}`).toString('hex'))),
    fc.constant(Buffer.from(binary)),
    fc.uint8Array({ maxLength: 12 }).map((each) => Buffer.from(each)),
  );
  const output = fc.array(word, { maxLength: 12 }).map((words) => Buffer.concat(words));
  fc.assert(
    fc.property(output, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length];
      const sorted = places.sort((a, b) => a - b);
      const chunks = sorted.slice(1).map((to, at) => bytes.subarray(sorted[at], to));
      assert.equal(masked(masker, chunks), expected(bytes, secrets));
    }),
    { numRuns: 400 },
  );
});

test('the output is the definition’s for one byte at a time and for secrets of any length', () => {
  const secret = fc
    .uint8Array({ minLength: 4, maxLength: 40 })
    .filter((each) => !/^\s|\s$/.test(Buffer.from(each).toString('latin1')));
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.uint8Array({ maxLength: 20 }),
      (secrets, noise) => {
        const masker = createMasker(secrets, { minBytes: 4 });
        const bytes = Buffer.concat([
          noise,
          ...secrets,
          ...secrets.map((each) => Buffer.from(Buffer.from(each).toString('base64'))),
        ]);
        const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
        assert.equal(masked(masker, single), expected(bytes, secrets, 4));
      },
    ),
    { numRuns: 200 },
  );
});

test('of base64 and hex that is wrapped anywhere, less than 12 and 16 characters are left beside a break', () => {
  const secret = 'k'.repeat(10) + Array.from({ length: 40 }, (_, at) => `${at}`).join('-');
  for (const [encoding, most] of [
    ['base64', base64Piece],
    ['hex', hexPiece],
  ] as const) {
    const text = Buffer.from(`{"password":"${secret}"}`).toString(encoding);
    const form = Buffer.from(secret).toString(encoding);
    for (let column = 20; column < 80; column += 1) {
      const lines = of(secret).text(text.replace(new RegExp(`.{${column}}`, 'g'), '$&\n'));
      for (const piece of lines.replaceAll(maskText, '\n').split('\n')) {
        assert.ok(piece.length < most || !form.includes(piece), `${column}: ${piece}`);
      }
    }
  }
});

test('a private key is masked line by line: indented, joined, escaped, with carriage returns', () => {
  const body = pem.split('\n').slice(1, -2);
  for (const text of [
    pem,
    body.join(''),
    JSON.stringify({ pem }),
    pem.replaceAll('\n', '\r\n'),
    pem.replace(/^/gm, '  | '),
  ]) {
    const line = of(pem).text(text);
    for (const part of body) assert.ok(!line.includes(part), line);
  }
});

test('overlapping and touching secrets are one mask', () => {
  const masker = of('alpha-beta', 'beta-gamma', '-gamma!!');
  assert.equal(
    masker.text('say alpha-beta-gamma!! alpha-betabeta-gamma'),
    `say ${maskText} ${maskText}`,
  );
});

test('a line is given out with its line feed, and an end that begins a secret is held until it is known', () => {
  const stream = of('hunter2-hunter2').stream();
  assert.equal(stream.write(Buffer.from('password: hunt\n')).toString(), 'password: hunt\n');
  assert.equal(stream.write(Buffer.from('password: hunt')).toString(), 'password: ');
  assert.equal(stream.write(Buffer.from('er2-hunter2\n')).toString(), `${maskText}\n`);
  assert.equal(stream.write(Buffer.from('hunter2-hu')).toString(), '');
  assert.equal(stream.end().toString(), 'hunter2-hu');
});

test('a secret that is added while a stream is open is masked from there on, also across the border', () => {
  const masker = of('first-secret');
  const stream = masker.stream();
  const before = stream.write(Buffer.from('second-secret first-sec'));
  masker.add([Buffer.from('second-secret'), Buffer.from('sec-second')]);
  const after = stream.write(Buffer.from('ret second-secret sec-second\n'));
  assert.equal(
    before.toString() + after.toString(),
    `second-secret ${maskText} ${maskText} ${maskText}\n`,
  );
});

test('a secret that is too short is refused, white space around it not counted, and its short lines are left alone', () => {
  assert.throws(() => of('1234567'), RangeError);
  assert.throws(() => of('  1234567 \n'), RangeError);
  assert.throws(() => createMasker([], { minBytes: 3 }), RangeError);
  assert.equal(of('{\n  "a": "first"\n}\n').text('{ } "a": "first"'), `{ } ${maskText}`);
});

test('what was given to a stream may be used for something else afterwards', () => {
  const stream = of('hunter2-hunter2').stream();
  const chunk = Buffer.from('hunter2-');
  stream.write(chunk);
  chunk.fill(0);
  assert.equal(stream.write(Buffer.from('hunter2')).toString() + stream.end().toString(), maskText);
});

test('without secrets everything passes as it is', () => {
  const bytes = Buffer.from([0, 1, 254, 255]);
  assert.equal(masked(createMasker(), [bytes]), bytes.toString('latin1'));
});
