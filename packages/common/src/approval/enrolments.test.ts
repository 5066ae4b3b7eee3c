import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerEntry } from '../ledger/entry.ts';
import { createEnrolmentFold } from './enrolments.ts';

const entry = (
  type: LedgerEntry['type'],
  digest: string,
  person: string,
  at: string,
): LedgerEntry => ({
  ...{ v: 1, type, at: `2026-11-22T${at}Z`, actor: `person:${person}` },
  ...{ subjectDigest: digest, refs: { person } },
});
const fold = (...entries: readonly LedgerEntry[]) => {
  const folded = createEnrolmentFold();
  for (const each of entries) folded.apply(each);
  return (digest: string): string | undefined => folded.of(digest)?.countsFrom.toISOString();
};

test('the first passkey of each person counts at once, each later one a day after', () => {
  const countsFrom = fold(
    entry('passkey.enrolled', 'a', 'leo', '10:00:00'),
    entry('passkey.enrolled', 'b', 'mira', '10:00:01'),
    entry('passkey.enrolled', 'c', 'leo', '10:00:02'),
  );
  assert.deepEqual(['a', 'b', 'c', 'd'].map(countsFrom), [
    '2026-11-22T10:00:00.000Z',
    '2026-11-22T10:00:01.000Z',
    '2026-11-23T10:00:02.000Z',
    undefined,
  ]);
});

test('one that was withdrawn makes no room for the next to count at once', () => {
  const countsFrom = fold(
    entry('passkey.enrolled', 'a', 'leo', '10:00:00'),
    entry('passkey.withdrawn', 'a', 'leo', '10:01:00'),
    entry('passkey.enrolled', 'b', 'leo', '10:02:00'),
  );
  assert.equal(countsFrom('b'), '2026-11-23T10:02:00.000Z');
});

test('recorded once more an enrolment is neither older nor whole again, nor anybody else’s', () => {
  const folded = createEnrolmentFold();
  for (const each of [
    entry('passkey.withdrawn', 'b', 'mira', '09:00:00'),
    entry('passkey.enrolled', 'a', 'leo', '10:00:00'),
    entry('passkey.enrolled', 'b', 'leo', '10:00:01'),
    entry('passkey.withdrawn', 'b', 'mira', '10:00:02'),
    entry('passkey.withdrawn', 'b', 'mira', '10:00:03'),
    entry('passkey.enrolled', 'b', 'mira', '10:00:04'),
  ]) {
    folded.apply(each);
  }
  assert.deepEqual(folded.of('b'), {
    person: 'leo',
    countsFrom: new Date('2026-11-23T10:00:01Z'),
    withdrawnAt: new Date('2026-11-22T10:00:02Z'),
  });
});

test('one that was dated back begins its day when the ledger was last spoken to by somebody else', () => {
  const countsFrom = fold(
    entry('passkey.enrolled', 'a', 'leo', '00:00:00'),
    entry('git.head', 'x', 'nobody', '10:00:00'),
    entry('approval.recorded', 'y', 'leo', '23:00:00'),
    entry('passkey.enrolled', 'b', 'leo', '01:00:00'),
    entry('passkey.enrolled', 'c', 'leo', '11:00:00'),
  );
  assert.deepEqual(['b', 'c'].map(countsFrom), [
    '2026-11-23T10:00:00.000Z',
    '2026-11-23T11:00:00.000Z',
  ]);
});
