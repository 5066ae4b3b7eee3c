import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ansiSpans, plainText } from './ansi.ts';

test('colours become classes, and text stays text', () => {
  assert.deepEqual(ansiSpans('a \u001b[31;1m<b>\u001b[0m c'), [
    { text: 'a ', classes: [] },
    { text: '<b>', classes: ['ansi-red', 'ansi-bold'] },
    { text: ' c', classes: [] },
  ]);
});

test('a log cannot bring classes or styles of its own', () => {
  for (const line of ['\u001b[38;2;1;2;3mx', '\u001b[38;5;200mx', '\u001b]8;;http://evil\u0007x']) {
    assert.deepEqual(
      ansiSpans(line).flatMap(({ classes }) => classes),
      [],
    );
  }
});

test('cursor movements, bells and text-turning marks are gone', () => {
  assert.equal(plainText('a\u001b[2J\u001b[1;1Hb\u0007\u202ec\td'), 'abc\td');
});
