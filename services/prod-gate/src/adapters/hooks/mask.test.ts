import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineMasker, mask, maskPatterns, maskText, maxLineLength } from './mask.ts';

const password = 'p@ss/w0rd+"quoted"-ü-1234567890';
const patterns = maskPatterns([password]);

/** Any eight characters of the secret that are left would be too many. */
function leaks(text: string): boolean {
  const forms = [
    password,
    encodeURIComponent(password),
    JSON.stringify(password).slice(1, -1),
    Buffer.from(password).toString('hex'),
    Buffer.from(password).toString('base64').slice(0, -4),
    Buffer.from(password).toString('base64url').slice(0, -4),
  ];
  return forms.some((form) => {
    for (let at = 0; at + 8 <= form.length; at += 1) {
      if (text.includes(form.slice(at, at + 8))) return true;
    }
    return false;
  });
}

test('a password is masked raw, in a URL, in JSON, in hex, in base64 and in base64url', () => {
  const printed = [
    `password is ${password}.`,
    `postgres://u:${encodeURIComponent(password)}@host/db`,
    JSON.stringify({ password }),
    Buffer.from(password).toString('hex'),
    Buffer.from(password).toString('base64'),
    Buffer.from(password).toString('base64url'),
  ];
  for (const line of printed) {
    assert.ok(leaks(line), 'the case itself must hold the secret');
    const masked = mask(line, patterns);
    assert.ok(masked.includes(maskText), line);
    assert.equal(leaks(masked), false, masked);
  }
});

test('a password inside a longer base64 text is masked at every alignment', () => {
  for (const before of ['', 'u', 'us', 'use', 'v-jwt-prod:']) {
    const line = Buffer.from(`${before}${password}:after`).toString('base64');
    const masked = mask(line, patterns);
    assert.ok(masked.includes(maskText), `${before}: ${masked}`);
  }
});

test('a password cut by the boundary of two chunks is masked', () => {
  const bytes = Buffer.from(`connecting with ${password} now\nnext\n`);
  for (let at = 1; at < bytes.length; at += 1) {
    const masker = createLineMasker(patterns);
    const lines = [
      ...masker.push(bytes.subarray(0, at)),
      ...masker.push(bytes.subarray(at)),
      ...masker.end(),
    ];
    assert.deepEqual(lines, [`connecting with ${maskText} now`, 'next']);
  }
});

test('an endless line is cut and a password across the cut is masked', () => {
  for (const offset of [0, 1, 10, password.length - 1]) {
    const masker = createLineMasker(patterns);
    const text = 'x'.repeat(maxLineLength - offset) + password + 'y'.repeat(3 * maxLineLength);
    const lines: string[] = [];
    for (let at = 0; at < text.length; at += 1000) {
      lines.push(...masker.push(Buffer.from(text.slice(at, at + 1000))));
    }
    lines.push(...masker.end());
    assert.ok(lines.every((line) => line.length <= maxLineLength));
    assert.equal(leaks(lines.join('')), false);
    assert.equal(lines.join('').replaceAll(/[^y]/g, '').length, 3 * maxLineLength);
  }
});

test('a secret of several lines is masked line by line', () => {
  const masker = createLineMasker(maskPatterns(['first-line\nsecond-line']));
  const lines = masker.push(Buffer.from('a first-line\nsecond-line b\n'));
  assert.deepEqual(lines, [`a ${maskText}`, `${maskText} b`]);
});

test('an empty or very short secret masks nothing', () => {
  assert.deepEqual(maskPatterns(['', 'abc']), []);
  assert.equal(mask('abc', maskPatterns(['', 'abc'])), 'abc');
});

test('the last line without a line feed is kept, and carriage returns are dropped', () => {
  const masker = createLineMasker([]);
  assert.deepEqual(masker.push(Buffer.from('one\r\n\ntwo')), ['one', '']);
  assert.deepEqual(masker.end(), ['two']);
});
