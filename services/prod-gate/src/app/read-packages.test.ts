import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locksPackage } from './read-packages.ts';

test('of a commit that the mirror has not got nobody knows what it locks, until it comes', async () => {
  const lock = JSON.stringify({
    ...{ name: 'shop', lockfileVersion: 3 },
    packages: { 'node_modules/left-pad': { version: '1.3.0' } },
  });
  let isThere = false;
  const git = {
    allFiles: () => Promise.resolve(isThere ? ['package-lock.json'] : null),
    readBlob: () => Promise.resolve(isThere ? Buffer.from(lock) : null),
  };
  const commit = 'c'.repeat(40);
  const asks = (purl: string): Promise<boolean | null> => locksPackage(git, commit, purl);
  assert.equal(await asks('pkg:npm/left-pad'), null);
  isThere = true;
  assert.equal(await asks('pkg:npm/left-pad@1.3.0'), true);
  assert.equal(await asks('pkg:npm/right-pad'), false);
});
