import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lineDiff } from './line-diff.ts';

const shown = (before: string | null, after: string | null): string[] =>
  lineDiff(before, after).map(
    ({ kind, text }) => `${{ same: ' ', gone: '-', new: '+' }[kind]}${text}`,
  );

test('what went, what came and what stayed', () => {
  assert.deepEqual(shown('a\nb\nc\n', 'a\nx\nc\n'), [' a', '-b', '+x', ' c']);
  assert.deepEqual(shown(null, 'a\n'), ['+a']);
  assert.deepEqual(shown('a\n', null), ['-a']);
  assert.deepEqual(shown('a\nb\n', 'b\nc\n'), ['-a', ' b', '+c']);
});

test('both texts can be read out of the difference again, whatever they are', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '', ' d'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (old, now) => {
      const lines = lineDiff(old.join('\n'), now.join('\n'));
      const side = (leaveOut: 'gone' | 'new'): string =>
        lines
          .filter(({ kind }) => kind !== leaveOut)
          .map(({ text: line }) => line)
          .join('\n');
      assert.equal(side('new'), old.join('\n').replace(/\n$/, ''));
      assert.equal(side('gone'), now.join('\n').replace(/\n$/, ''));
    }),
  );
});
