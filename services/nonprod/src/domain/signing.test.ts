import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builderThatSigns, isBuiltForRelease } from './signing.ts';

const repository = { name: 'shop/web', mainBranch: 'trunk' };
const push = { event: 'push', ref: 'refs/heads/trunk', repository, signed: 'shop/web' };

test('only a push to main of the signed repository is built for a release', () => {
  assert.equal(isBuiltForRelease(push), true);
  for (const other of [
    { event: 'manual' },
    { ref: 'refs/heads/main' },
    { signed: 'shop/api' },
    { event: 'pull_request', ref: 'refs/pull/1/head' },
  ]) {
    assert.equal(isBuiltForRelease({ ...push, ...other }), false, JSON.stringify(other));
  }
});

test('the main key signs pushes of main alone, and nobody signs what ran by another commit’s files', () => {
  const run = { ...push, files: 'own' as const };
  assert.equal(builderThatSigns(run), 'main');
  assert.equal(builderThatSigns({ ...run, event: 'cron' }), null);
  assert.equal(builderThatSigns({ ...run, ref: 'refs/heads/main' }), 'pr');
  assert.equal(builderThatSigns({ ...run, ref: 'refs/pull/1/head', files: 'base' }), null);
  assert.equal(builderThatSigns({ ...run, signed: 'shop/api' }), null);
});
