import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheKeyOf } from './cache.ts';

test('each part of a key makes another key', () => {
  const parts = {
    ...{ image: 'node:24', path: 'node_modules', key: 'npm' },
    files: [['lock', 'a']] as const,
  };
  const keys = [
    cacheKeyOf(parts),
    cacheKeyOf({ ...parts, image: 'node:22' }),
    cacheKeyOf({ ...parts, path: 'node' }),
    cacheKeyOf({ ...parts, key: 'npm2' }),
    cacheKeyOf({ ...parts, files: [['lock', 'b']] }),
    cacheKeyOf({ ...parts, files: [] }),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.match(keys[0] ?? '', /^[0-9a-f]{64}$/);
});
