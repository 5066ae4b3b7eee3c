import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TargetWindows } from './target-windows.ts';
import { openThroughout, windowState } from './target-windows-state.ts';

const week = 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH';
const office = { rrule: week, from: '09:00', to: '16:00', tz: 'Europe/Brussels' };
const yearEnd = { name: 'year-end', start: '2026-12-18', end: '2027-01-04', tz: 'Europe/Brussels' };
const state = (windows: object, at: string) =>
  windowState(TargetWindows.parse(windows), new Date(at));
const opens = (windows: object, at: string) => {
  const found = state(windows, at);
  return found.open ? 'open' : (found.opensAt?.toISOString() ?? 'never');
};

for (const [what, at, expected] of [
  // 2026-11-23 is a Monday, one hour ahead of UTC in Brussels.
  ['at its first second', '2026-11-23T08:00:00Z', 'open'],
  ['a second before', '2026-11-23T07:59:59Z', '2026-11-23T08:00:00.000Z'],
  ['at its end', '2026-11-23T15:00:00Z', '2026-11-24T08:00:00.000Z'],
  ['on the last day of the week', '2026-11-26T15:00:00Z', '2026-11-30T08:00:00.000Z'],
  ['after the clocks go forward', '2027-03-29T06:59:59Z', '2027-03-29T07:00:00.000Z'],
  ['before denied days', '2026-12-17T15:00:00Z', '2027-01-05T08:00:00.000Z'],
  ['within denied days', '2026-12-22T10:00:00Z', '2027-01-05T08:00:00.000Z'],
] as const) {
  test(`a window of office hours ${what}: ${expected}`, () => {
    assert.equal(opens({ allow: [office], deny: [yearEnd] }, at), expected);
  });
}

test('denied days are told by their name, other times by none', () => {
  const windows = { allow: [office], deny: [yearEnd] };
  const denied = (at: string) => {
    const found = state(windows, at);
    return found.open ? 'open' : found.denied;
  };
  assert.equal(denied('2026-12-18T10:00:00Z'), 'year-end');
  assert.equal(denied('2026-11-28T10:00:00Z'), null);
});

test('a window that begins in the hour that is left out begins when the clock has jumped', () => {
  const windows = {
    allow: [{ ...office, rrule: 'FREQ=WEEKLY;BYDAY=SU', from: '02:30', to: '04:00' }],
  };
  // 2027-03-28: in Brussels 02:00 becomes 03:00, which is 01:00 UTC.
  assert.equal(opens(windows, '2027-03-28T00:59:00Z'), '2027-03-28T01:00:00.000Z');
  assert.equal(opens(windows, '2027-03-28T01:00:00Z'), 'open');
});

test('a window in the hour that comes twice is open twice', () => {
  const windows = {
    allow: [{ ...office, rrule: 'FREQ=WEEKLY;BYDAY=SU', from: '02:15', to: '02:30' }],
  };
  // 2026-10-25: in Brussels 03:00 becomes 02:00 at 01:00 UTC.
  assert.equal(opens(windows, '2026-10-25T00:20:00Z'), 'open');
  assert.equal(opens(windows, '2026-10-25T00:30:00Z'), '2026-10-25T01:15:00.000Z');
  assert.equal(opens(windows, '2026-10-25T01:20:00Z'), 'open');
});

test('without allowed windows all times but denied days are open, each day in its own zone', () => {
  const windows = {
    deny: [{ name: 'day', start: '2026-11-23', end: '2026-11-23', tz: 'Asia/Tokyo' }],
  };
  assert.equal(opens(windows, '2026-11-22T14:59:59Z'), 'open');
  assert.equal(opens(windows, '2026-11-22T15:00:00Z'), '2026-11-23T15:00:00.000Z');
  assert.equal(opens({}, '2026-11-22T15:00:00Z'), 'open');
});

test('windows that are denied for longer than is looked ahead never open', () => {
  const windows = { deny: [{ name: 'over', start: '2026-01-01', end: '2028-12-31' }] };
  assert.equal(opens(windows, '2026-11-23T10:00:00Z'), 'never');
});

test('a moment that is none is in no window', () => {
  assert.equal(opens({}, 'yesterday'), 'never');
});

for (const [what, windows, message] of [
  ['another rule than weekly', { allow: [{ ...office, rrule: 'FREQ=DAILY' }] }, /FREQ=WEEKLY/],
  ['an unknown day', { allow: [{ ...office, rrule: 'FREQ=WEEKLY;BYDAY=XX' }] }, /days of the week/],
  ['an unknown zone', { allow: [{ ...office, tz: 'Europe/Bruxelles' }] }, /no time zone/],
  ['a zone by its letters', { allow: [{ ...office, tz: 'CET' }] }, /no time zone/],
  ['a time of day that is none', { allow: [{ ...office, from: '25:00' }] }, /time of day/],
  ['a window over midnight', { allow: [{ ...office, from: '22:00', to: '04:00' }] }, /as two/],
  ['a day that is none', { deny: [{ ...yearEnd, start: '2026-02-30' }] }, /no such day/],
  ['days that end before', { deny: [{ ...yearEnd, end: '2026-12-17' }] }, /exchange them/],
] as const) {
  test(`${what} is refused with what to write`, () => {
    assert.match(JSON.stringify(TargetWindows.safeParse(windows).error?.issues), message);
  });
}

for (const [what, from, to, expected] of [
  ['within an hour of the office', '2026-11-23T08:00:00Z', '2026-11-23T14:59:59Z', true],
  ['to the end of the day', '2026-11-23T08:00:00Z', '2026-11-23T15:00:00Z', false],
  ['from one day to the next', '2026-11-23T14:00:00Z', '2026-11-24T09:00:00Z', false],
  ['from before it opens', '2026-11-23T07:59:59Z', '2026-11-23T09:00:00Z', false],
  ['at one moment', '2026-11-23T08:00:00Z', '2026-11-23T08:00:00Z', true],
  ['with a clock that was set back', '2026-11-23T09:00:00Z', '2026-11-23T08:59:00Z', true],
  ['from a moment that is none', 'never', '2026-11-23T09:00:00Z', false],
  ['to a moment that is none', '2026-11-23T09:00:00Z', 'never', false],
] as const) {
  test(`office hours are ${expected ? '' : 'not '}open throughout ${what}`, () => {
    const windows = TargetWindows.parse({ allow: [office], deny: [yearEnd] });
    assert.equal(openThroughout(windows, new Date(from), new Date(to)), expected);
  });
}

test('two windows that touch are open throughout both, and denied days between two moments close them', () => {
  const daily = 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU';
  const allow = [
    { rrule: daily, from: '00:00', to: '12:00', tz: 'UTC' },
    { rrule: daily, from: '12:00', to: '24:00', tz: 'UTC' },
  ];
  const through = (windows: object, from: string, to: string) =>
    openThroughout(TargetWindows.parse(windows), new Date(from), new Date(to));
  assert.ok(through({ allow }, '2026-11-23T08:00:00Z', '2026-11-25T08:00:00Z'));
  const deny = [{ name: 'quiet', start: '2026-11-24', end: '2026-11-24', tz: 'UTC' }];
  assert.ok(!through({ allow, deny }, '2026-11-23T08:00:00Z', '2026-11-25T08:00:00Z'));
  assert.ok(!through({ deny }, '2026-11-23T08:00:00Z', '2026-11-25T08:00:00Z'));
  assert.ok(through({ deny }, '2026-11-25T00:00:00Z', '2027-11-25T08:00:00Z'));
  assert.ok(!through({ deny }, '2026-11-25T00:00:00Z', '2029-11-25T08:00:00Z'), 'too far to say');
});

test('a window was closed when the clock went back to before its beginning', () => {
  // 2026-10-25: in Brussels 03:00 becomes 02:00 again at 01:00 UTC.
  const allow = [{ ...office, rrule: 'FREQ=WEEKLY;BYDAY=SU', from: '02:30', to: '04:00' }];
  const windows = TargetWindows.parse({ allow });
  const at = (minute: number) => new Date(Date.UTC(2026, 9, 25, 0, minute));
  assert.ok(openThroughout(windows, at(30), at(59)));
  assert.ok(!openThroughout(windows, at(30), at(95)));
});
