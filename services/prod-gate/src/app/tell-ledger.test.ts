import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import type { News } from '../domain/news.ts';
import { tellLedger } from './tell-ledger.ts';

const now = new Date('2026-11-22T10:00:00Z');

test('what is older than a day is told to nobody, but a passkey whatever web says of when it came', async () => {
  const old = '2026-11-01T10:00:00Z';
  const entries = [
    { type: 'passkey.enrolled', at: old, actor: 'person:leo', refs: { person: 'leo' } },
    { type: 'repository.frozen', at: old, actor: 'intake', refs: {} },
  ] as const;
  const rows = entries.map((entry, index) => ({
    ...{ index, leafHash: '', sequencedAt: now },
    body: ledgerEntry({ ...entry, subjectDigest: 'a'.repeat(64) }),
  }));
  const told: News[] = [];
  let next = 0;
  const count = await tellLedger({
    ledger: { entries: (from) => Promise.resolve(rows.slice(from)) },
    promotions: { find: () => Promise.resolve(null) },
    cursor: {
      next: () => Promise.resolve(next),
      advance: (_tx, to) => {
        next = to;
        return Promise.resolve();
      },
    },
    news: {
      tell: (_tx, news) => {
        told.push(news);
        return Promise.resolve();
      },
    },
    // Nothing of what stands here looks into its transaction.
    transactor: { transaction: (work) => work({} as Parameters<typeof work>[0]) },
    clock: () => now,
  });
  assert.equal(count, 1);
  assert.deepEqual(
    told.map(({ type, at }) => [type, at]),
    [['passkey.added', now]],
  );
});
