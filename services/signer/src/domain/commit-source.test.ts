import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCommitSource } from './commit-source.ts';

const tree = 'a'.repeat(40);
const commit = (...header: string[]): Buffer =>
  Buffer.from(`${header.join('\n')}\n\ntree ${'b'.repeat(40)}\ncommitter x <y> 7 +0000\n`);

test('tree and time are the header’s: the committer’s time, not the author’s, and nothing of the message', () => {
  const author = 'author Dana <d@x> 1700000000 +0100';
  const committer = 'committer Web <w@x> 1763805600 -0800';
  assert.deepEqual(readCommitSource(commit(`tree ${tree}`, author, committer)), {
    tree,
    time: 1_763_805_600,
  });
  assert.equal(readCommitSource(commit(`tree ${tree}`, author)), null);
  assert.equal(readCommitSource(commit(author, committer)), null);
  assert.equal(readCommitSource(Buffer.from(`tree ${tree}\n`)), null);
});
