import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolEgress } from './pool-egress.ts';

const told = (...places: string[]) => ({ places, count: places.length });
const npm = 'registry.npmjs.org:443';

test('a pool reaches what its runners say, and nothing is said for those that do not', () => {
  const of = (...runners: Parameters<typeof poolEgress>[1]) => poolEgress('bubblewrap', runners);
  assert.deepEqual(of(told()), { places: [], said: 'nothing outside, as its runners say' });
  assert.deepEqual(of(told(npm), told(npm)), {
    places: [npm],
    said: 'one place, as its runners say',
  });
  assert.deepEqual(of(told(npm, 'a.example:443'), told(npm), null), {
    places: ['a.example:443', npm],
    said: '2 places, as its runners say; not each of them allows all; not told by 1 of its 3 runners',
  });
  assert.match(of({ places: [npm], count: 201 }).said, /and others that they do not name$/);
  assert.deepEqual(of(null), { places: [], said: 'not told by 1 of its 1 runners' });
  assert.match(of().said, /^not known: no runner/);
});

test('where builds have the machine’s own network no list is claimed', () => {
  for (const isolation of ['user', 'none']) {
    assert.match(poolEgress(isolation, [told()]).said, /^whatever its machines reach/);
  }
});
