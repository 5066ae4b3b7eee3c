import assert from 'node:assert/strict';
import test from 'node:test';
import { timeText } from './time.tsx';

const now = new Date('2026-11-22T01:00:00Z');

for (const [at, expected] of [
  ['2026-11-22T00:59:30Z', 'Nov 22, 00:59 UTC (just now)'],
  ['2026-11-22T00:59:00Z', 'Nov 22, 00:59 UTC (1 minute ago)'],
  ['2026-11-21T23:00:00Z', 'Nov 21, 23:00 UTC (2 hours ago)'],
  ['2026-11-21T13:00:01Z', 'Nov 21, 13:00 UTC (11 hours ago)'],
  ['2026-11-21T13:00:00Z', 'Nov 21, 13:00 UTC'],
  ['2026-11-22T01:00:20Z', 'Nov 22, 01:00 UTC (in less than a minute)'],
  ['2026-11-22T01:45:00Z', 'Nov 22, 01:45 UTC (in 45 minutes)'],
  ['2025-12-31T23:59:00Z', 'Dec 31, 2025, 23:59 UTC'],
] as const) {
  test(`${at} reads "${expected}"`, () => {
    assert.equal(timeText(new Date(at), now), expected);
  });
}
