import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTimestamp, parseTimestamp } from './time.ts';

test('UTC with seconds or milliseconds is read', () => {
  assert.equal(parseTimestamp('2026-11-22T10:00:00Z').getTime(), Date.UTC(2026, 10, 22, 10));
  assert.equal(parseTimestamp('2028-02-29T23:59:59.999Z').getUTCMilliseconds(), 999);
});

test('offsets, short forms and days that no calendar has are refused', () => {
  const bad = [
    '2026-11-22T10:00:00+00:00',
    '2026-11-22 10:00:00Z',
    '2026-11-22T10:00Z',
    '2026-11-22',
    '2026-02-30T10:00:00Z',
    '2026-02-29T10:00:00.000Z',
    '2026-13-01T10:00:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T10:00:60Z',
    '2026-11-22T10:00:00Z\n',
    '2026-11-22T10:00:00.1Z',
    '2026-11-22t10:00:00z',
    '',
  ];
  for (const text of bad)
    assert.throws(() => parseTimestamp(text), { code: 'E_TIME_FORMAT' }, text);
});

test('a moment is written in whole seconds', () => {
  assert.equal(formatTimestamp(new Date('2026-11-22T10:00:00.999Z')), '2026-11-22T10:00:00Z');
});
