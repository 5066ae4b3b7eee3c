import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { newsOfEntry } from './ledger-news.ts';
import type { Promotion } from './promotion.ts';

// The members that news is made of.
const promotion = {
  ...{ id: 'prm_1', release: 'r1', target: 'eu', requester: 'dana', reason: 'VAT per line' },
  ...{ stateReason: 'the hook failed', returns: null },
  ...{ delta: { commitCount: 1, fileCount: 3, base: null } },
} as unknown as Promotion;
const entry = (type: LedgerEntry['type'], refs: LedgerEntry['refs'] = {}, actor = 'intake') => ({
  ...{ v: 1 as const, type, refs, actor, at: '2026-11-22T10:00:00Z' },
  subjectDigest: 'a'.repeat(64),
});
const of = (...given: Parameters<typeof entry>) =>
  newsOfEntry(entry(...given), { index: 7, promotion });

test('an admission says what waits, how much changes and who asked why', () => {
  const news = of('bundle.admitted');
  assert.deepEqual(
    [news?.id, news?.type, news?.title, news?.thread, news?.path, news?.target],
    [
      'ledger:7',
      'promotion.waits',
      'r1 → eu waits for approval',
      'prm_1',
      '/promotions/prm_1',
      'eu',
    ],
  );
  assert.deepEqual(news?.lines, ['1 commit, 3 files, nothing is live yet', 'dana: “VAT per line”']);
  const details = { migrations: { count: 1 }, dependencies: { added: 2 } };
  const risky = { ...promotion, delta: { ...promotion.delta, details } } as unknown as Promotion;
  const told = newsOfEntry(entry('bundle.admitted'), { index: 7, promotion: risky });
  assert.equal(
    told?.lines[0],
    '1 commit, 3 files, 1 migration, 2 new packages, nothing is live yet',
  );
});

test('a passkey that somebody added is told to its person too, whoever signed in as them', () => {
  const news = of('passkey.enrolled', { person: 'leo' }, 'person:leo');
  assert.deepEqual(
    [news?.type, news?.title, news?.actor, news?.path],
    ['passkey.added', 'A passkey of leo was added', null, '/passkeys'],
  );
  assert.match(news?.lines[0] ?? '', /^No passkey of theirs vouched/);
  const vouched = of('passkey.enrolled', { person: 'leo', vouch: 'ab' }, 'person:leo');
  assert.match(vouched?.lines[0] ?? '', /^A passkey of theirs that is in force vouched/);
  const withdrawn = of('passkey.withdrawn', { person: 'leo' }, 'person:mira');
  assert.deepEqual(
    [withdrawn?.title, withdrawn?.actor],
    ['mira withdrew a passkey of leo', 'mira'],
  );
});

test('decisions name who made them', () => {
  for (const [type, decision, expected] of [
    ['approval.recorded', 'approve', 'leo approved r1 → eu'],
    ['approval.recorded', 'reject', 'leo rejected r1 → eu'],
  ] as const) {
    const news = of(type, { decision }, 'person:leo');
    assert.deepEqual([news?.title, news?.actor], [expected, 'leo']);
  }
});

test('the end of a delivery is told as it was, with its reason, and leads to the delivery', () => {
  for (const [state, type] of [
    ['succeeded', 'delivery.live'],
    ['failed', 'delivery.failed'],
    ['indeterminate', 'delivery.indeterminate'],
  ] as const) {
    const news = of('delivery.finished', { state, delivery: 'dlv_1' }, 'deliverer');
    assert.deepEqual([news?.type, news?.path], [type, '/deliveries/dlv_1']);
    assert.deepEqual(news?.lines, ['the hook failed']);
  }
});

test('a return says so while it waits, and what it came to', () => {
  const returning = { ...promotion, returns: {} } as Promotion;
  const told = (...given: Parameters<typeof entry>) =>
    newsOfEntry(entry(...given), { index: 7, promotion: returning });
  assert.equal(told('bundle.admitted')?.title, 'Return to r1 → eu waits for approval');
  const ended = told('delivery.finished', { state: 'succeeded', delivery: 'dlv_1' }, 'deliverer');
  assert.deepEqual([ended?.type, ended?.title], ['delivery.returned', 'eu has returned to r1']);
  const failed = told('delivery.finished', { state: 'failed', delivery: 'dlv_1' }, 'deliverer');
  assert.deepEqual([failed?.type, failed?.title], ['delivery.failed', 'Return to r1 → eu failed']);
});

test('a freeze and its end are one thread', () => {
  const refs = { repository: 'b'.repeat(64) };
  const [frozen, released] = (['repository.frozen', 'repository.released'] as const).map((type) =>
    newsOfEntry(entry(type, refs), { index: 8, promotion: null }),
  );
  assert.deepEqual([frozen?.type, released?.type], ['gate.frozen', 'gate.released']);
  assert.equal(frozen?.thread, released?.thread);
});

test('what is told where it happens is not told again, and what concerns nobody is not told', () => {
  const told = ['approval.withdrawn', 'promotion.renewed'] as const;
  for (const type of [...told, 'credential.issued', 'git.head', 'attestation.issued'] as const) {
    assert.equal(of(type), null);
  }
});
