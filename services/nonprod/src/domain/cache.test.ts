import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readableLevels, whyNotWritten } from './cache.ts';
import { trustLevels } from './trust-level.ts';

test('for all levels: what is written at one is read by no higher one', () => {
  for (const writer of trustLevels) {
    assert.equal(whyNotWritten({ level: writer, poolTrust: writer, isPostReview: false }), null);
    for (const reader of trustLevels) {
      const reads = readableLevels({ level: reader }).includes(writer);
      assert.equal(reads, reader <= writer, `${reader} reads ${writer}`);
    }
  }
});

test('a run’s own level is asked first, then the higher ones', () => {
  assert.deepEqual(readableLevels({ level: 1 }), [1, 2, 3]);
});

test('in a pool of lower trust nothing is written, nor after a secret was read', () => {
  const why = whyNotWritten({ level: 3, poolTrust: 0, isPostReview: false });
  assert.match(why ?? '', /its pool, of trust 0,/);
  const read = whyNotWritten({ level: 2, poolTrust: 2, isPostReview: true });
  assert.equal(read, 'this run read a secret');
});
