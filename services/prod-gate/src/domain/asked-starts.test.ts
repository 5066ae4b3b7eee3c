import { formatId } from '@airlock/common/ids';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLedgerFold, isFolded, repositoryDigest } from './ledger-facts.ts';

const document = 'd'.repeat(64);
const repository = repositoryDigest('https://git.example/shop');
const promotion = {
  ...{ id: formatId('prm', Buffer.alloc(10)), target: 'prod-eu', promotionDigest: document },
};

type Given = Partial<Pick<LedgerEntry, 'actor' | 'subjectDigest' | 'refs'>>;
const entry = (type: LedgerEntry['type'], given: Given = {}): LedgerEntry => ({
  ...{
    v: 1,
    type,
    at: '2026-11-22T10:00:00.000Z',
    actor: 'web',
    subjectDigest: document,
    refs: {},
  },
  ...given,
});
const asked = (seen: number | string, given: Given = {}) =>
  entry('delivery.asked', { actor: 'person:leo', refs: { seen: String(seen) }, ...given });
const stop = (targets: string, refs: Record<string, string> = {}) =>
  entry('stop.placed', {
    subjectDigest: 'a'.repeat(64),
    refs: { ...{ stop: 'stp_1', kind: 'freeze', person: 'mira', targets }, ...refs },
  });
const lift = entry('stop.lifted', { subjectDigest: 'a'.repeat(64), refs: { stop: 'stp_1' } });
const intent = (delivery: string) => entry('delivery.intent', { refs: { delivery } });

/** What ended each start of the document; entries stand from 0 on. */
function ends(entries: readonly LedgerEntry[], deliveryId: string | null = null) {
  const fold = createLedgerFold();
  for (const [index, each] of entries.entries()) fold.apply(each, index);
  return fold
    .starts({ promotion, repository, deliveryId })
    .map(({ person, endedBy }) => `${person}: ${endedBy ?? 'holds'}`);
}

describe('a start in the ledger', () => {
  test('is of its document, of a person, and says what was known', () => {
    assert.deepEqual(ends([asked(0)]), ['leo: holds']);
    assert.deepEqual(ends([asked(0, { subjectDigest: 'e'.repeat(64) })]), []);
    assert.deepEqual(ends([asked(0, { actor: 'web' })]), []);
    for (const seen of ['', '-1', '1.5', 'all']) assert.deepEqual(ends([asked(seen)]), [], seen);
  });

  test('is over with a stop of its target, and stays so when that is lifted', () => {
    assert.deepEqual(ends([asked(0), stop('')]), ['leo: stop']);
    assert.deepEqual(ends([asked(0), stop('prod-us prod-eu'), lift]), ['leo: stop']);
    assert.deepEqual(ends([asked(0), stop('prod-us')]), ['leo: holds']);
    assert.deepEqual(ends([asked(0), stop('', { except: promotion.id })]), ['leo: holds']);
    assert.deepEqual(ends([stop(''), lift, asked(1)]), ['leo: holds'], 'given after the lift');
  });

  test('is over with a stop or a withdrawal that its judgement did not know of, though they stand before it', () => {
    assert.deepEqual(ends([stop('prod-eu'), lift, asked(0)]), ['leo: holds']);
    assert.deepEqual(ends([entry('git.head'), stop('prod-eu'), lift, asked(0)]), ['leo: stop']);
    assert.deepEqual(ends([entry('git.head'), entry('approval.withdrawn'), asked(0)]), [
      'leo: withdrawal',
    ]);
  });

  test('does not come to hold by the word that more was known than stood there', () => {
    assert.deepEqual(ends([asked(99), stop('')]), ['leo: stop']);
  });

  test('is over with an approval of its document that is taken back, and with no other', () => {
    assert.deepEqual(ends([asked(0), entry('approval.withdrawn')]), ['leo: withdrawal']);
    const other = entry('approval.withdrawn', { subjectDigest: 'e'.repeat(64) });
    assert.deepEqual(ends([asked(0), other]), ['leo: holds']);
  });

  test('is over with a freeze of its repository and with a contradiction of the ledger', () => {
    const frozen = (name: string) =>
      entry('repository.frozen', { refs: { repository: repositoryDigest(name) } });
    assert.deepEqual(ends([asked(0), frozen('https://git.example/shop')]), ['leo: stop']);
    assert.deepEqual(ends([asked(0), frozen('https://git.example/other')]), ['leo: holds']);
    assert.deepEqual(ends([asked(0), entry('ledger.contradicted')]), ['leo: stop']);
  });

  test('is not taken back from the delivery that began with it, and from no other', () => {
    const entries = [asked(0), intent('dlv_1'), stop(''), intent('dlv_2'), intent('dlv_1')];
    assert.deepEqual(ends(entries, 'dlv_1'), ['leo: holds']);
    assert.deepEqual(ends(entries, 'dlv_2'), ['leo: stop']);
    assert.deepEqual(ends(entries, 'dlv_3'), ['leo: stop']);
    assert.deepEqual(ends(entries), ['leo: stop']);
    assert.deepEqual(ends([intent('dlv_1'), asked(0)], 'dlv_1'), [], 'given after it began');
  });

  test('is made of entries that nobody who folds the ledger skips', () => {
    for (const type of ['delivery.asked', 'ledger.contradicted', 'approval.withdrawn']) {
      assert.ok(isFolded(Buffer.from(`{"v":1,"type":"${type}","at":"`)), type);
    }
  });
});
