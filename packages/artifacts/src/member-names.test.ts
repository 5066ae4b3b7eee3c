import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNameJudge } from './member-names.ts';

test('a member lies 64 directories deep and no deeper', () => {
  const deep = (parts: number): string => Array.from({ length: parts }, () => 'a').join('/');
  assert.equal(createNameJudge()(deep(64), 'file'), deep(64));
  assert.throws(() => createNameJudge()(deep(65), 'file'), { code: 'E_ARCHIVE_PATH' });
});

test('names that would exhaust whoever remembers them are refused, however few the members are', () => {
  const judge = createNameJudge();
  const directories = `/${'b'.repeat(60)}`.repeat(62);
  const claim = (): void => {
    for (let member = 0; member < 1_000; member += 1) judge(`${member}${directories}/c`, 'file');
  };
  assert.throws(claim, { code: 'E_ARCHIVE_SIZE' });
});
