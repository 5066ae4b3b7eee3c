import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { decodeHex, isGitObjectId, isSha256Hex } from './hex.ts';
import { decodeUtf8, isPrintableAscii } from './utf8.ts';

test('malformed UTF-8 and a byte order mark are refused, never replaced', () => {
  for (const hex of ['ff', 'c080', 'eda080', 'f4908080', 'e282', 'efbbbf7b7d']) {
    assert.throws(() => decodeUtf8(Buffer.from(hex, 'hex')), { code: 'E_ENCODING' }, hex);
  }
  assert.equal(decodeUtf8(Buffer.from('é😀')), 'é😀');
});

test('a view into a larger buffer is decoded alone', () => {
  assert.equal(decodeUtf8(Buffer.from('abcdef').subarray(2, 4)), 'cd');
});

test('printable ASCII has no line feed, no look-alike, nothing invisible', () => {
  assert.ok(isPrintableAscii('refs/heads/main ~'));
  for (const text of ['a\n', 'a\u200b', 'mаin', '\u007f', 'é'])
    assert.ok(!isPrintableAscii(text), text);
});

test('digests are lower-case digits and nothing around them', () => {
  const digest = 'a'.repeat(64);
  assert.ok(isSha256Hex(digest));
  for (const text of [
    digest.toUpperCase(),
    `sha256:${digest}`,
    `${digest}\n`,
    digest.slice(1),
    '',
  ]) {
    assert.ok(!isSha256Hex(text), text);
  }
  assert.ok(isGitObjectId('0'.repeat(40)));
  assert.ok(!isGitObjectId('0'.repeat(64)));
  assert.ok(!isGitObjectId(`${'0'.repeat(40)}\n`));
  assert.equal(decodeHex('00ff').length, 2);
  for (const text of ['0', '0G', 'FF', '00 '])
    assert.throws(() => decodeHex(text), { code: 'E_HEX' });
});
