import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuilderCount, DifferingBuilder } from '@airlock/common/verify/count-builders';
import { builderReasons } from './builders.ts';
import { sentenceOf } from './sentences.ts';

const audit = 'https://audit.example/rebuilder@v1';
const customer = 'https://customer.example/rebuilder@v1';
const none = { have: 1, agreeing: [], differing: [], discounted: [], silent: [] };
const differing: DifferingBuilder = {
  ...{ builderId: audit, keyIds: ['k'], artifactDigest: 'e'.repeat(64), difference: null },
};
const reasons = (need: number, listed: number, count: Partial<BuilderCount>) =>
  builderReasons({ need, listed, count: { ...none, ...count } });
const told = (...given: Parameters<typeof reasons>) => reasons(...given).map(sentenceOf);

test('enough builders that agree leave nothing to say, and so does a bundle that does not pass', () => {
  assert.deepEqual(reasons(1, 0, {}), []);
  assert.deepEqual(reasons(2, 1, { have: 2 }), []);
  assert.deepEqual(builderReasons({ need: 2, listed: 1, count: null }), []);
});

test('a difference holds also where one builder is enough, and is not told twice', () => {
  for (const need of [1, 2]) {
    assert.deepEqual(
      reasons(need, 1, { differing: [differing] }).map(({ code }) => code),
      ['E_REBUILD_DIFFERS'],
    );
  }
  assert.deepEqual(
    reasons(3, 2, { differing: [differing], silent: [customer] }).map(({ code }) => code),
    ['E_REBUILD_DIFFERS', 'E_REBUILD_MISSING'],
  );
});

test('who is waited for, and what is to be mended, depends on why a builder is missing', () => {
  const [silent] = told(2, 1, { silent: [audit] });
  assert.equal(silent?.kind, 'time');
  assert.match(silent.text, /1 of 2 builders .*audit\.example.* goes on by itself/);

  const answer = { builderId: audit, keyIds: ['k'], detail: 'its row says nothing' };
  const [unrecorded] = told(2, 1, {
    discounted: [{ ...answer, code: 'E_REBUILD_UNRECORDED' }],
  });
  assert.equal(unrecorded?.kind, 'time');
  assert.match(unrecorded.text, /on its way into the signed ledger/);

  const [uncounted] = told(2, 1, { discounted: [{ ...answer, code: 'E_REBUILD_DOMAIN' }] });
  assert.equal(uncounted?.kind, 'system');
  assert.match(uncounted.text, /E_REBUILD_DOMAIN, its row says nothing/);

  const [unlisted] = told(2, 0, {});
  assert.equal(unlisted?.kind, 'fix');
  assert.match(unlisted.text, /lists 0 beside the main one; .*builders\.of/);
});

test('the first files that differ stand in the sentence, and the rest is counted', () => {
  const file = { claimed: null, rebuilt: null };
  const difference = {
    ...{ claimed: 'c'.repeat(64), kind: 'files' as const, added: 0, removed: 0, changed: 5 },
    files: ['a', 'b', 'c', 'd'].map((path) => ({ path, ...file })),
  };
  const [sentence] = told(2, 1, { differing: [{ ...differing, difference }] });
  assert.match(sentence?.text ?? '', /\(a, b, c and 2 more\); it is held/);
});
