import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatToken, tokenCounts, tokenHash, TokenWish, type TokenFacts } from './api-token.ts';

const now = new Date('2026-11-22T12:00:00Z');
const days = (n: number): Date => new Date(now.getTime() + n * 86_400_000);
const anywhere = (): boolean => false;
const facts: TokenFacts = {
  expiresAt: days(1),
  revokedAt: null,
  networks: [],
  ownerSeenAt: days(-1),
};

test('a token counts until it ends, is revoked, or its owner has not signed in for 30 days', () => {
  assert.ok(tokenCounts(facts, now, anywhere));
  assert.ok(!tokenCounts({ ...facts, expiresAt: now }, now, anywhere));
  assert.ok(!tokenCounts({ ...facts, revokedAt: days(-1) }, now, anywhere));
  assert.ok(!tokenCounts({ ...facts, ownerSeenAt: days(-31) }, now, anywhere));
});

test('a token that is bound to networks counts from one of them alone', () => {
  const bound = { ...facts, networks: ['one', 'two'] };
  assert.ok(tokenCounts(bound, now, (network) => network === 'two'));
  assert.ok(!tokenCounts(bound, now, () => false));
});

test('only what looks like a token of ours is looked up', () => {
  const token = formatToken(Buffer.alloc(32, 7));
  assert.equal(tokenHash(token)?.length, 32);
  for (const other of ['', 'alk_', token.slice(1), `${token}a`, token.replace('alk', 'ghp')]) {
    assert.equal(tokenHash(other), null, other);
  }
});

test('a wish for a token names a program, scopes that exist, and at most 90 days', () => {
  const wish = { name: 'nightly', scopes: ['read', 'read'], days: 90, networks: ['10.0.0.0/8'] };
  assert.deepEqual(TokenWish.parse(wish).scopes, ['read']);
  const bad = [
    { ...wish, days: 91 },
    { ...wish, days: 0.5 },
    { ...wish, scopes: [] },
    { ...wish, scopes: ['approve'] },
    { ...wish, name: ' ' },
    { ...wish, extra: true },
  ];
  for (const each of bad) assert.ok(!TokenWish.safeParse(each).success, JSON.stringify(each));
});
