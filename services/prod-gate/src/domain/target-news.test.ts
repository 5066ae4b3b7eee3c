import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { newsOfEntry } from './ledger-news.ts';

const other = `sha256:${'b'.repeat(64)}`;
const told = (type: LedgerEntry['type'], refs: LedgerEntry['refs'] = {}) =>
  newsOfEntry(
    {
      ...{ v: 1, type, at: '2026-11-22T10:00:00Z', actor: 'deliverer' },
      subjectDigest: 'a'.repeat(64),
      refs: {
        ...{ target: 'prod-eu', release: '1.4', artifact: 'a'.repeat(64), delivery: 'dlv_1' },
        ...{ observation: 'obs_1', ...refs },
      },
    },
    { index: 7, promotion: null },
  );

test('drift says what runs and what was delivered, and leads to the target', () => {
  const news = told('target.drifted', { running: other, others: '1' });
  assert.deepEqual(
    [news?.type, news?.title, news?.path, news?.target],
    ['target.drifted', 'prod-eu: something else runs than 1.4', '/targets/prod-eu', 'prod-eu'],
  );
  assert.equal(news?.lines[0], `${other} runs; sha256:${'a'.repeat(64)} was delivered.`);
  const more = told('target.drifted', { running: other, others: '3' });
  assert.match(more?.lines[0] ?? '', /runs, and 2 more; /);
});

test('a target on which nothing runs is drift too', () => {
  const news = told('target.drifted', { running: 'nothing', others: '0' });
  assert.equal(news?.title, 'prod-eu: nothing runs, and 1.4 is live by the ledger');
  assert.equal(news.lines.length, 1);
});

test('what was gathered is said with its count, and drift told late that nobody can see by now', () => {
  const late = told('target.drifted', { running: 'unknown', changes: '40' });
  assert.equal(late?.title, 'prod-eu: something else runs than 1.4');
  assert.match(late.lines[0] ?? '', /^It changed 40 times since the notice before\./);
  assert.match(late.lines[1] ?? '', /by now nobody can see what runs/);
  for (const type of ['target.settled', 'target.unobserved'] as const) {
    assert.match(told(type, { changes: '2' })?.lines[0] ?? '', /^It changed 2 times/);
  }
});

test('a host that cannot look is not told as a hook that fails', () => {
  const lines = (cause: string) => told('target.unobserved', { cause })?.lines;
  assert.match(lines('host')?.[0] ?? '', /^The host of gate-deliverer cannot run its observe hook/);
  assert.match(lines('hook')?.[0] ?? '', /^Its observe hook has failed several times/);
});

test('the end belongs to what it ends', () => {
  const threads = [
    told('target.drifted', { running: other, others: '1' }),
    told('target.unobserved'),
    told('target.settled', { was: 'drifted' }),
    told('target.settled', { was: 'unobserved' }),
  ].map((news) => [news?.thread, news?.title]);
  assert.deepEqual(threads, [
    ['obs_1', 'prod-eu: something else runs than 1.4'],
    ['obs_1', 'prod-eu: nobody can see what runs'],
    ['obs_1', 'prod-eu: 1.4 runs there again'],
    ['obs_1', 'prod-eu: 1.4 runs there, as can be seen again'],
  ]);
});

test('an entry that says too little is told to nobody', () => {
  const entry = {
    ...{ v: 1 as const, type: 'target.drifted' as const, at: '2026-11-22T10:00:00Z' },
    ...{ actor: 'deliverer', subjectDigest: 'a'.repeat(64) },
    refs: { observation: 'obs_1' },
  };
  assert.equal(newsOfEntry(entry, { index: 1, promotion: null }), null);
});
