import type { LedgerEntry } from '@airlock/common/ledger/entry';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coolingLeft, createAnnouncementFold } from './cooling.ts';
import { createLedgerFold, isFolded } from './ledger-facts.ts';

const document = 'd'.repeat(64);
const moment = (second: number): Date => new Date(Date.UTC(2026, 10, 22, 10, 0, second));
const entry = (
  type: LedgerEntry['type'],
  second: number,
  given: { about?: string; refs?: Record<string, string> } = {},
): LedgerEntry => ({
  ...{ v: 1, type, at: moment(second).toISOString(), actor: 'deliverer' },
  ...{ subjectDigest: given.about ?? document, refs: { target: 'prod-eu', ...given.refs } },
});
const after = (...entries: LedgerEntry[]): Date | null => {
  const fold = createAnnouncementFold();
  for (const each of entries) fold.apply(each);
  return fold.announcedAt(document, 'r1');
};

test('without cooling there is nothing to wait for, and with it nothing starts before it was announced', () => {
  assert.equal(coolingLeft({ seconds: undefined, announcedAt: null, now: moment(0) }), null);
  assert.deepEqual(coolingLeft({ seconds: 1, announcedAt: null, now: moment(9) }), {
    startsAt: null,
  });
});

test('it starts so long after the announcement, to the moment', () => {
  const left = (now: number) =>
    coolingLeft({ seconds: 10, announcedAt: moment(20), now: moment(now) });
  assert.deepEqual(left(20), { startsAt: moment(30) });
  assert.deepEqual(left(29), { startsAt: moment(30) });
  assert.equal(left(30), null);
});

test('the first announcement counts, and one of another document does not', () => {
  assert.deepEqual(
    after(entry('delivery.announced', 5), entry('delivery.announced', 7)),
    moment(5),
  );
  assert.equal(after(entry('delivery.announced', 5, { about: 'e'.repeat(64) })), null);
});

test('an approval and a withdrawal after it take it back', () => {
  for (const type of ['approval.recorded', 'approval.withdrawn'] as const) {
    assert.equal(after(entry('delivery.announced', 5), entry(type, 6)), null, type);
    assert.deepEqual(
      after(entry('delivery.announced', 5), entry(type, 6), entry('delivery.announced', 8)),
      moment(8),
    );
  }
});

test('it cannot be announced for before the last approval', () => {
  assert.deepEqual(after(entry('approval.recorded', 9), entry('delivery.announced', 2)), moment(9));
});

test('a freeze of its repository takes it back, also when that is over; one of another does not', () => {
  const frozen = (repository: string) =>
    entry('repository.frozen', 6, { about: 'a'.repeat(64), refs: { repository } });
  const released = entry('repository.released', 7, { refs: { repository: 'r1' } });
  assert.equal(after(entry('delivery.announced', 5), frozen('r1'), released), null);
  assert.deepEqual(after(entry('delivery.announced', 5), frozen('r2')), moment(5));
  assert.equal(after(entry('delivery.announced', 5), entry('ledger.contradicted', 6)), null);
  assert.deepEqual(
    after(entry('delivery.announced', 5), frozen('r1'), entry('delivery.announced', 8)),
    moment(8),
  );
});

test('a stop of its target takes it back, also when it is lifted at once; one of another does not', () => {
  const announcedAfterStopOf = (targets: string): Date | null => {
    const fold = createLedgerFold();
    const stop = { ...{ stop: 'stp_1', kind: 'freeze', person: 'leo' }, targets };
    for (const each of [
      entry('delivery.announced', 5),
      entry('stop.placed', 6, { about: 'a'.repeat(64), refs: stop }),
      entry('stop.lifted', 7, { about: 'a'.repeat(64), refs: { stop: 'stp_1' } }),
    ]) {
      fold.apply(each, 0);
    }
    return fold.announcedAt(document, 'r1');
  };
  assert.equal(announcedAfterStopOf(''), null);
  assert.equal(announcedAfterStopOf('prod-eu prod-us'), null);
  assert.deepEqual(announcedAfterStopOf('prod-us'), moment(5));
});

test('the entries that it is made of are not skipped by who folds the ledger', () => {
  const folded = [
    ...['approval.recorded', 'approval.withdrawn', 'delivery.announced'],
    ...['repository.frozen', 'ledger.contradicted'],
  ];
  for (const type of folded) {
    assert.ok(isFolded(Buffer.from(`{"v":1,"type":"${type}","at":"`)), type);
  }
});
