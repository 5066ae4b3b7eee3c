import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { OutboxItem } from '@airlock/common/wire/outbox';
import { nextOutboxItem, outboxItemHash } from './outbox-chain.ts';

const content = {
  id: 'prq_0000000000',
  createdAt: '2026-11-22T10:00:00Z',
  bundle: { digest: 'a'.repeat(64), size: 10 },
  artifact: { digest: 'b'.repeat(64), size: 20 },
  claimedTarget: 'prod',
};

test('an item holds the number after and the hash of the one before', () => {
  const first = nextOutboxItem({ seq: 0, hash: '0'.repeat(64) }, content);
  const second = nextOutboxItem(first, { ...content, id: 'prq_0000000001' });
  assert.deepEqual(OutboxItem.parse(first), first);
  assert.equal(second.seq, 2);
  assert.equal(second.prevHash, first.hash);
});

test('the hash is of the JSON a reader can write down again, without the hash itself', () => {
  const { hash, ...rest } = nextOutboxItem({ seq: 0, hash: '0'.repeat(64) }, content);
  const text =
    `{"seq":1,"prevHash":"${'0'.repeat(64)}","id":"prq_0000000000","createdAt":"2026-11-22T10:00:00Z",` +
    `"bundle":{"digest":"${'a'.repeat(64)}","size":10},"artifact":{"digest":"${'b'.repeat(64)}","size":20},` +
    '"claimedTarget":"prod"}';
  assert.equal(hash, createHash('sha256').update(text).digest('hex'));
  assert.notEqual(outboxItemHash({ ...rest, claimedTarget: 'staging' }), hash);
});
