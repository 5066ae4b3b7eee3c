import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actEnd, objectOf } from './act.ts';

test('an act is about the repository that its body names, or else about the name in it', () => {
  assert.equal(objectOf({ repository: 'shop/web', name: 'nightly' }), 'shop/web');
  assert.equal(objectOf({ name: 'linux 5' }), 'linux 5');
});

test('no other field and nothing that is no name is taken from a body', () => {
  assert.equal(objectOf({ value: 'hunter2', reason: 'shop/web' }), null);
  for (const name of [
    '',
    7,
    null,
    { repository: 'x' },
    'a\nb',
    `x${'y'.repeat(128)}`,
    '-----BEGIN',
  ]) {
    assert.equal(objectOf({ name }), null, JSON.stringify(name));
  }
});

test('an answer below 400 is done, below 500 refused, above failed, and none is open', () => {
  const ends = [200, 303, 400, 499, 500, null].map(actEnd);
  assert.deepEqual(ends, ['done', 'done', 'refused', 'refused', 'failed', 'open']);
});
