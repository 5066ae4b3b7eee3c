import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitPurl } from './purl.ts';

test('a purl is its name and its version, however its scope is written', () => {
  assert.deepEqual(splitPurl('pkg:npm/left-pad@1.3.0'), {
    name: 'pkg:npm/left-pad',
    version: '1.3.0',
  });
  assert.deepEqual(splitPurl('pkg:npm/left-pad'), { name: 'pkg:npm/left-pad', version: null });
  const scoped = { name: 'pkg:npm/%40scope/name', version: '1.0.0+a' };
  assert.deepEqual(splitPurl('pkg:npm/@scope/name@1.0.0%2Ba'), scoped);
  assert.deepEqual(splitPurl('pkg:npm/%40scope/name@1.0.0+a?arch=x#lib'), scoped);
});
