import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  inTurn,
  noticePeriodSeconds,
  type NoticeKind,
  type NoticePeriod,
} from './notice-period.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);
const now = (kind: NoticeKind, isChange: boolean, seconds: number) =>
  ({ kind, isChange, at: at(seconds), thread: 'obs_new' }) as const;
const running: NoticePeriod = { since: at(0), thread: 'obs_1', told: ['drifted'], untold: 0 };
const gathered: NoticePeriod = { ...running, told: ['drifted', 'settled'], untold: 3 };

test('where nothing was told lately a change is told at once and begins a period, and none begins without', () => {
  assert.deepEqual(inTurn(null, now('drifted', true, 5)), {
    period: { since: at(5), thread: 'obs_new', told: ['drifted'], untold: 0 },
    notice: { kind: 'drifted', thread: 'obs_new', changes: 1 },
  });
  assert.deepEqual(inTurn(null, now('settled', false, 5)), { period: null, notice: null });
});

test('in a period each kind is told once, in its thread, and its end stays where it was', () => {
  assert.deepEqual(inTurn(running, now('settled', true, 60)), {
    period: { ...running, told: ['drifted', 'settled'] },
    notice: { kind: 'settled', thread: 'obs_1', changes: 1 },
  });
  assert.deepEqual(inTurn(running, now('drifted', true, 60)), {
    period: { ...running, untold: 1 },
    notice: null,
  });
});

test('once something is gathered nothing passes it, and no change adds nothing', () => {
  assert.deepEqual(inTurn(gathered, now('unobserved', true, 60)), {
    period: { ...gathered, untold: 4 },
    notice: null,
  });
  assert.deepEqual(inTurn(gathered, now('drifted', false, 60)), { period: gathered, notice: null });
});

test('at the end of a period what was gathered is told with its count, also where nothing changes then', () => {
  const last = noticePeriodSeconds - 1;
  assert.equal(inTurn(gathered, now('settled', false, last)).notice, null);
  const told = inTurn(gathered, now('settled', false, noticePeriodSeconds));
  assert.deepEqual(told.notice, { kind: 'settled', thread: 'obs_1', changes: 3 });
  assert.deepEqual(told.period, {
    ...{ since: at(noticePeriodSeconds), thread: 'obs_1', untold: 0 },
    told: ['drifted', 'unobserved', 'settled'],
  });
  assert.equal(inTurn(gathered, now('drifted', true, noticePeriodSeconds)).notice?.changes, 4);
});

test('a period without anything gathered ends without a word, and a clock that was put back ends one', () => {
  const over = now('drifted', false, noticePeriodSeconds);
  assert.deepEqual(inTurn(running, over), { period: null, notice: null });
  const back = inTurn(running, now('drifted', true, -1));
  assert.deepEqual(back.notice, { kind: 'drifted', thread: 'obs_new', changes: 1 });
});
