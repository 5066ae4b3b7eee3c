import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promotion, viewOf } from '../http/views/promotion-view.fixture.ts';
import { narrowQueue, targetsOf } from './narrow-queue.ts';
import type { QueueView } from './view-queue.ts';

const queue: QueueView = {
  needsYou: [
    viewOf({ target: 'prod-eu', release: 'r-1', reason: 'Fix VAT rounding' }),
    viewOf({ target: 'prod-us', release: 'r-2', reason: 'Search' }),
  ],
  inProgress: [],
  waitingForOthers: [viewOf({ target: 'prod-eu-2', release: 'r-3', reason: 'VAT again' })],
  live: [],
  empty: ['prod-eu', 'staging'],
  ended: [{ ...promotion, target: 'prod-us', release: 'r-0', reason: 'vat, first try' }],
  refused: [],
  freezes: [{ repository: promotion.repository, reason: 'rewritten', since: new Date(0) }],
  held: [],
};
const shown = (target: string, words: string) => {
  const { needsYou, waitingForOthers, ended, empty } = narrowQueue(queue, { target, words });
  return [
    ...[...needsYou, ...waitingForOthers].map((view) => view.promotion.release),
    ...ended.map(({ release }) => release),
    ...empty,
  ];
};

test('an empty filter shows the whole queue', () => {
  assert.equal(narrowQueue(queue, { target: '', words: '' }), queue);
});

test('a target is its whole name, not how it begins', () => {
  assert.deepEqual(shown('prod-eu', ''), ['r-1', 'prod-eu']);
  assert.deepEqual(shown('PROD-EU', ''), []);
});

test('all words have to stand in a row, in any case and order', () => {
  assert.deepEqual(shown('', 'vat'), ['r-1', 'r-3', 'r-0']);
  assert.deepEqual(shown('', ' rounding   VAT '), ['r-1']);
  assert.deepEqual(shown('', 'rounding search'), []);
});

test('target and words narrow together', () => {
  assert.deepEqual(shown('prod-us', 'VAT'), ['r-0']);
});

test('a freeze stays, whatever is asked for', () => {
  assert.deepEqual(narrowQueue(queue, { target: 'nowhere', words: 'x' }).freezes, queue.freezes);
});

test('the targets of every list are offered once, sorted', () => {
  assert.deepEqual(targetsOf(queue), ['prod-eu', 'prod-eu-2', 'prod-us', 'staging']);
});
