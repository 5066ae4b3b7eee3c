import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '@airlock/common/secret';
import { secretMark } from '@airlock/common/wire/secret-marks';
import { nonprodKnowledge, type SecretMarkSet } from './known-to-nonprod.ts';

const now = new Date('2026-11-22T10:00:00Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);

function setOf(takenAt: Date, secrets: Readonly<Record<string, string>>): SecretMarkSet {
  const key = randomBytes(32);
  const marks = Object.entries(secrets).map(([secret, value]) => ({
    secret,
    mark: secretMark(key, value),
  }));
  return { source: `nonprod-${takenAt.getTime()}`, key, marks, takenAt };
}

const ask = (sets: readonly SecretMarkSet[], value: string) =>
  nonprodKnowledge({ marks: { all: () => Promise.resolve(sets) }, clock: () => now })(
    new Secret(value),
  );

test('a value that nonprod keeps is named, whatever line end follows it', async () => {
  const sets = [
    setOf(hoursAgo(0), { 'shop/web/OTHER': 'another', 'shop/web/TOKEN': 'reused\r\n' }),
  ];
  for (const value of ['reused', 'reused\n']) {
    assert.deepEqual(await ask(sets, value), { known: true, secret: 'shop/web/TOKEN' });
  }
});

test('a value that nonprod does not keep is not known, and neither is a part of one', async () => {
  const sets = [setOf(hoursAgo(23), { 'shop/web/TOKEN': 'reused' })];
  for (const value of ['reuse', 'Reused', ' reused']) {
    assert.deepEqual(await ask(sets, value), { known: false });
  }
});

test('without marks, or with marks older than a day, nothing is said to be unknown', async () => {
  assert.deepEqual(await ask([], 'x'), {
    known: 'unchecked',
    why: 'nonprod has never told its marks',
  });
  const stale = [setOf(hoursAgo(25), { 'shop/web/TOKEN': 'reused' })];
  assert.deepEqual(await ask(stale, 'x'), {
    known: 'unchecked',
    why: 'nonprod has told no marks since 2026-11-21T09:00:00.000Z',
  });
  assert.deepEqual(await ask(stale, 'reused'), { known: true, secret: 'shop/web/TOKEN' });
});

test('one source of two that is silent is enough not to be sure', async () => {
  const sets = [setOf(hoursAgo(25), {}), setOf(hoursAgo(0), {})];
  assert.equal((await ask(sets, 'x')).known, 'unchecked');
});
