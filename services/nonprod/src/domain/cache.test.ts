import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheKeyOf, cacheWriting, readableLevels } from './cache.ts';
import { trustLevels } from './trust-level.ts';

test('for all levels: what is written at one is read by no higher one', () => {
  for (const writer of trustLevels) {
    for (const poolTrust of trustLevels.filter((trust) => trust <= writer)) {
      const writing = cacheWriting({ level: writer, poolTrust, isPostReview: false });
      if (writing === null) continue;
      for (const reader of trustLevels) {
        const reads = readableLevels({ level: reader }).includes(writing.level);
        assert.equal(reads, reader <= writer, `${reader} reads ${writer}`);
      }
    }
  }
});

test('a run’s own level is asked first, then the higher ones', () => {
  assert.deepEqual(readableLevels({ level: 1 }), [1, 2, 3]);
});

test('in a pool of lower trust nothing is kept, and after a secret was read nothing for lower levels', () => {
  assert.equal(cacheWriting({ level: 3, poolTrust: 0, isPostReview: false }), null);
  assert.deepEqual(cacheWriting({ level: 2, poolTrust: 2, isPostReview: true }), {
    level: 2,
    isClosed: true,
  });
});

test('each part of a key makes another key', () => {
  const parts = { image: 'node:24', path: 'node_modules', key: 'npm', files: { lock: 'a' } };
  const keys = [
    cacheKeyOf(parts),
    cacheKeyOf({ ...parts, image: 'node:22' }),
    cacheKeyOf({ ...parts, path: 'node' }),
    cacheKeyOf({ ...parts, key: 'npm2' }),
    cacheKeyOf({ ...parts, files: { lock: 'b' } }),
    cacheKeyOf({ ...parts, files: {} }),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.match(keys[0] ?? '', /^[0-9a-f]{64}$/);
});
