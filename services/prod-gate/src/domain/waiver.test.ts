import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { isOverdue, stricterOf, useOfEntry, useRefs, type WaiverUse } from './waiver.ts';

const at = new Date('2026-11-22T10:00:00.000Z');
const refs = useRefs({
  ...{ deliveryId: 'dlv_1', promotionId: 'prm_1', target: 'prod-eu', release: '1', at },
  ...{ asker: 'mira', approvers: ['leo'], starter: 'sam', review: { count: 2, within: 3600 } },
});

function used(changed: Readonly<Record<string, string>> = {}): WaiverUse {
  const entry: LedgerEntry = {
    ...{ v: 1, type: 'break-glass.used', at: at.toISOString(), actor: 'authority' },
    ...{ subjectDigest: 'a'.repeat(64), refs: { ...refs, ...changed } },
  };
  return useOfEntry(entry) ?? assert.fail('not read');
}

test('what the authority records is read back as what is owed', () => {
  const use = used();
  assert.deepEqual(
    [use.deliveryId, use.involved, use.reviews, use.reviewBy.toISOString()],
    ['dlv_1', ['mira', 'leo', 'sam'], 2, '2026-11-22T11:00:00.000Z'],
  );
});

test('a record of one reviewer or of no time asks for two, and is due at once', () => {
  assert.equal(used({ reviews: '1' }).reviews, 2);
  assert.equal(isOverdue(used({ reviewBy: 'never' }), at), true);
});

test('of two records of one use nobody gains time, fewer reviewers or a free person', () => {
  const mild = used({ reviewBy: '9999-01-01T00:00:00.000Z', approver1: 'nils' });
  const strict = used({ reviews: '3' });
  for (const use of [stricterOf(mild, strict), stricterOf(strict, mild)]) {
    assert.equal(use.reviewBy.toISOString(), '2026-11-22T11:00:00.000Z');
    assert.equal(use.reviews, 3);
    assert.deepEqual([...use.involved].sort(), ['leo', 'mira', 'nils', 'sam']);
  }
});
