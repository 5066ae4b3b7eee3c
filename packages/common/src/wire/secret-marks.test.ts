import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretMarks, secretMark } from './secret-marks.ts';

const key = Buffer.alloc(32, 7);

test('a mark is HMAC-SHA256 of the value without the line ends at its end', () => {
  // Test case 2 of RFC 4231: the key "Jefe", the data "what do ya want for nothing?".
  const mark = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  assert.equal(secretMark(Buffer.from('Jefe'), 'what do ya want for nothing?'), mark);
  assert.equal(secretMark(Buffer.from('Jefe'), 'what do ya want for nothing?\r\n'), mark);
  assert.notEqual(secretMark(key, 'a\nb'), secretMark(key, 'ab'));
  assert.notEqual(secretMark(key, ' a'), secretMark(key, 'a'));
});

test('a name that could pass for something else on a page of the gate is refused', () => {
  const mark = secretMark(key, 'value');
  const told = (secret: string) => SecretMarks.safeParse({ marks: [{ secret, mark }] }).success;
  assert.ok(told('shop/web/REGISTRY_TOKEN'));
  for (const secret of ['', 'a b', 'a\nb', '<b>', '\u202etxt', 'a'.repeat(201)]) {
    assert.ok(!told(secret), JSON.stringify(secret));
  }
});

test('more marks than secrets can be kept are refused', () => {
  const mark = { secret: 'shop/web/A', mark: secretMark(key, 'value') };
  assert.ok(SecretMarks.safeParse({ marks: Array(1000).fill(mark) }).success);
  assert.ok(!SecretMarks.safeParse({ marks: Array(1001).fill(mark) }).success);
});
