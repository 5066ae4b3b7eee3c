import fc from 'fast-check';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { createMask, maskText, maxLineLength, type Mask } from './mask.ts';

const password = 'p@ss/w0rd+"quoted"-ü-<1234567890>';
const mask = createMask([password]);
const { privateKey: pem } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** Any `length` characters of a form of the secret that are left would be too many. */
function leaks(text: string, secret = password, length = 8): boolean {
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64').slice(0, -4),
    Buffer.from(secret).toString('base64url').slice(0, -4),
  ];
  return forms.some((form) => {
    for (let at = 0; at + length <= form.length; at += 1) {
      if (text.includes(form.slice(at, at + length))) return true;
    }
    return false;
  });
}

function linesOf(from: Mask, chunks: readonly Buffer[]): string[] {
  const lines = from.lines();
  return [...chunks.flatMap((chunk) => lines.push(chunk)), ...lines.end()];
}

const printed: [form: string, text: string][] = [
  ['raw', `password is ${password}.`],
  ['a URL', `postgres://u:${encodeURIComponent(password)}@host/db`],
  [
    'a URL of lower case',
    encodeURIComponent(password).replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
  ],
  ['JSON', JSON.stringify({ password })],
  [
    'JSON as Python and Go escape it',
    JSON.stringify(password)
      .replaceAll('ü', '\\u00fc')
      .replaceAll('<', '\\u003c')
      .replaceAll('>', '\\u003e'),
  ],
  ['hex', Buffer.from(password).toString('hex')],
  ['upper-case hex', Buffer.from(password).toString('hex').toUpperCase()],
  ['base64', Buffer.from(password).toString('base64')],
  ['base64url', Buffer.from(password).toString('base64url')],
];
for (const [form, text] of printed) {
  test(`a password is masked in ${form}`, () => {
    const masked = mask.text(text);
    assert.ok(masked.includes(maskText), masked);
    assert.equal(leaks(masked), false, masked);
    assert.equal(leaks(masked.toLowerCase(), Buffer.from(password).toString('hex')), false);
  });
}

test('a password inside a longer base64 text is masked at every alignment', () => {
  for (const before of ['', 'u', 'us', 'use', 'v-jwt-prod:']) {
    const line = Buffer.from(`${before}${password}:after`).toString('base64');
    const masked = mask.text(line);
    assert.ok(masked.includes(maskText), `${before}: ${masked}`);
  }
});

test('of base64 and hex that is wrapped anywhere, at most eight bytes of the secret are left on each side of a break', () => {
  const secret = 'k'.repeat(10) + Array.from({ length: 40 }, (_, at) => `${at}`).join('-');
  const wrapped = createMask([secret]);
  for (const encoding of ['base64', 'hex'] as const) {
    const text = Buffer.from(`{"password":"${secret}"}`).toString(encoding);
    for (let column = 20; column < 80; column += 1) {
      const lines = text.replace(new RegExp(`.{${column}}`, 'g'), '$&\n');
      const left = linesOf(wrapped, [Buffer.from(lines)])
        .join('\n')
        .replaceAll(maskText, '\n')
        .split('\n');
      const form = Buffer.from(secret).toString(encoding);
      for (const piece of left) {
        const most = encoding === 'base64' ? 12 : 16;
        assert.ok(piece.length < most || !form.includes(piece), `${column}: ${piece}`);
      }
    }
  }
});

test('a private key is masked line by line, also where its lines were joined or escaped', () => {
  const keyMask = createMask([pem]);
  const body = pem.split('\n').slice(1, -2);
  for (const text of [pem, body.join(''), JSON.stringify({ pem }), pem.replaceAll('\n', '\r\n')]) {
    const lines = linesOf(keyMask, [Buffer.from(text)]);
    for (const line of lines) {
      for (const part of body) assert.ok(!line.includes(part), line);
    }
    assert.ok(lines.join('').includes(maskText));
  }
});

test('overlapping secrets are masked together: nothing of either is left', () => {
  const both = createMask(['alpha-beta', 'beta-gamma', 'beta-g', 'alpha']);
  assert.equal(both.text('say alpha-beta-gamma!'), `say ${maskText}!`);
  assert.deepEqual(
    linesOf(both, [Buffer.from('say alpha-beta'), Buffer.from('-ga'), Buffer.from('mma!')]),
    [`say ${maskText}!`],
  );
});

test('how the output was cut into chunks changes nothing', () => {
  const secrets = ['tok-12', 'tok-1234567', '67-end of it', 'ünïcode✓', pem];
  const several = createMask(secrets);
  const word = fc.oneof(
    fc.constantFrom(...secrets, '\n', '\r\n', '\r', '\0', 'tok-', '345', ' ', 'x'.repeat(5000)),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
  );
  const output = fc.array(word, { maxLength: 12 }).map((words) => Buffer.from(words.join('')));
  fc.assert(
    fc.property(output, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length];
      const sorted = places.sort((a, b) => a - b);
      const chunks = sorted.slice(1).map((to, at) => bytes.subarray(sorted[at], to));
      const whole = linesOf(several, [bytes]);
      assert.deepEqual(linesOf(several, chunks), whole);
      assert.ok(whole.every((line) => line.length <= maxLineLength));
      assert.ok(!whole.join('').includes('tok-12'));
    }),
    { numRuns: 300 },
  );
});

test('an endless line is cut and a password across the cut is masked', () => {
  for (const offset of [0, 1, 10, password.length - 1]) {
    const lines = mask.lines();
    const text = 'x'.repeat(maxLineLength - offset) + password + 'y'.repeat(3 * maxLineLength);
    const out: string[] = [];
    for (let at = 0; at < text.length; at += 1000) {
      out.push(...lines.push(Buffer.from(text.slice(at, at + 1000))));
    }
    out.push(...lines.end());
    assert.ok(out.every((line) => line.length <= maxLineLength));
    assert.equal(leaks(out.join('')), false);
    assert.equal(out.join('').replaceAll(/[^y]/g, '').length, 3 * maxLineLength);
  }
});

test('an empty or very short secret masks nothing, and neither does an empty line of a long one', () => {
  const text = 'abc  \n    }\n';
  assert.equal(createMask(['', 'abc', '   ']).text(text), text);
  assert.equal(createMask(['{\n    "a": "first"\n    }\n\n']).text('    }'), '    }');
});

test('the last line without a line feed is kept, carriage returns at line ends are dropped, a zero byte is replaced', () => {
  const lines = createMask([]).lines();
  assert.deepEqual(lines.push(Buffer.from('one\r\n\ntw\0o')), ['one', '']);
  assert.deepEqual(lines.end(), ['tw\uFFFDo']);
  assert.deepEqual(createMask([]).lines().end(), []);
});
