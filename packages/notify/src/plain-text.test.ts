import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine } from './plain-text.ts';

test('line breaks, controls and characters that turn text round become one space each run', () => {
  assert.equal(oneLine('a\r\nBcc: eve\u0000\u001b[31m', 100), 'a Bcc: eve [31m');
  assert.equal(oneLine('pay\u202eexe.txt\u2066\u200b!\u{e0041}', 100), 'pay exe.txt !');
  assert.equal(oneLine('\u2028 \u2029x\ud800', 100), 'x');
});

test('long text ends in an ellipsis, and no character is cut in two', () => {
  assert.equal(oneLine('🚀🚀🚀🚀', 3), '🚀🚀…');
  assert.equal(oneLine('abc', 3), 'abc');
});

test('ordinary letters of every script stay as they are', () => {
  assert.equal(
    oneLine('Müller — 東京 — עברית & <b>bold</b>', 100),
    'Müller — 東京 — עברית & <b>bold</b>',
  );
});
