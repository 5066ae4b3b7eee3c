import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupUsage, usageDays } from './usage.ts';

const stored = { artifacts: 0, logs: 0, caches: 0 };
const now = new Date('2026-11-22T23:59:00Z');

test('a repository of two groups counts in full for each, and one of none for nobody', () => {
  assert.deepEqual(
    groupUsage([
      { key: 'shop/web', builds: 2, seconds: 100, groups: ['shop', 'web'], stored },
      { key: 'shop/api', builds: 1, seconds: 50, groups: ['shop'], stored },
      { key: 'lab/x', builds: 9, seconds: 50, groups: [], stored },
    ]),
    [
      { key: 'shop', builds: 3, seconds: 150 },
      { key: 'web', builds: 2, seconds: 100 },
      { key: '', builds: 9, seconds: 50 },
    ],
  );
});

test('without days it is the 30 up to today in UTC', () => {
  assert.deepEqual(usageDays({ since: null, until: null }, now), {
    since: '2026-10-24',
    until: '2026-11-22',
  });
  assert.deepEqual(usageDays({ since: null, until: '2026-03-01' }, now), {
    since: '2026-01-31',
    until: '2026-03-01',
  });
});

test('a time that ends before it begins, and one of more than 366 days, is refused in words', () => {
  assert.equal(
    usageDays({ since: '2026-11-23', until: null }, now),
    'since: 2026-11-23 is later than 2026-11-22',
  );
  assert.equal(
    usageDays({ since: '2025-11-21', until: null }, now),
    'since: 2025-11-21 to 2026-11-22 is 367 days, at most 366',
  );
  assert.equal(typeof usageDays({ since: '2025-11-22', until: null }, now), 'object');
});
