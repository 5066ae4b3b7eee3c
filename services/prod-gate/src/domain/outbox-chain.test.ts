import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import { chainFault, chainStart, outboxItemHash } from './outbox-chain.ts';

function item(seq: number, prevHash: string): OutboxItem {
  const unhashed = {
    seq,
    prevHash,
    id: 'prq_0000000000',
    createdAt: '2026-11-22T10:00:00Z',
    bundle: { digest: 'a'.repeat(64), size: 1 },
    artifact: { digest: 'b'.repeat(64), size: 1 },
    claimedTarget: 'prod-eu',
  };
  return { ...unhashed, hash: outboxItemHash(unhashed) };
}

const first = item(1, chainStart.itemHash);
const second = item(2, first.hash);

test('a chain that goes on from where we stopped has no fault', () => {
  assert.equal(chainFault(chainStart, { items: [first, second], head: 2 }), null);
  const end = { seq: 1, itemHash: first.hash };
  assert.equal(chainFault(end, { items: [second], head: 2 }), null);
  assert.equal(chainFault(end, { items: [], head: 1 }), null);
});

test('a gap, a repetition, a fork, a changed item and a lost end are faults', () => {
  const end = { seq: 1, itemHash: first.hash };
  const changed = { ...second, claimedTarget: 'prod-us' };
  for (const page of [
    { items: [item(3, first.hash)], head: 3 },
    { items: [first], head: 1 },
    { items: [item(2, 'e'.repeat(64))], head: 2 },
    { items: [changed], head: 2 },
    { items: [second, item(3, first.hash)], head: 3 },
    { items: [], head: 0 },
  ]) {
    assert.notEqual(chainFault(end, page), null, JSON.stringify(page));
  }
});
