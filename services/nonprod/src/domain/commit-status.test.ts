import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgePlace, nextAttempt } from './commit-status.ts';

test('a clone URL of any spelling tells where the repository lies at its forge', () => {
  const place = { host: 'git.example', path: 'shop/web' };
  for (const url of [
    'https://git.example/shop/web.git',
    'https://token@GIT.example:8443/shop/web/',
    'git@git.example:shop/web.git',
    'ssh://git@git.example:7999/shop/web.git',
    'https://git.example/scm/shop/web.git',
  ]) {
    assert.deepEqual(forgePlace(url), place, url);
  }
  assert.equal(forgePlace('https://gitlab.com/group/sub/project')?.path, 'group/sub/project');
});

test('an address that could lead a request elsewhere is none', () => {
  for (const url of [
    '/srv/git/shop/web.git',
    'file:///srv/git/shop/web.git',
    'https://git.example/shop/../../admin',
    'https://git.example/shop/web?x=1',
    'https://git.example/shop/web#y',
    'https://git.example/shop/%2e%2e',
    'https://git.example/web',
    'https://git.example/shop//web',
    '',
  ]) {
    assert.equal(forgePlace(url), null, url);
  }
});

test('what failed is tried again later each time, not sooner than the forge says, and given up in the end', () => {
  assert.equal(nextAttempt(1, null), 10_000);
  assert.equal(nextAttempt(4, null), 80_000);
  assert.equal(nextAttempt(1, 60), 60_000);
  assert.equal(nextAttempt(11, null), null);
});
