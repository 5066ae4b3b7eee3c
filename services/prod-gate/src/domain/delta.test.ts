import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Delta, digestOfDelta, listedCommits, makeDelta } from './delta.ts';
import { noDetails } from '../testing/delta-details.ts';

const commit = (place: number) => ({
  commit: place.toString(16).padStart(40, '0'),
  authorName: 'Dana',
  authorEmail: `author-${place}@example.com`,
  committerEmail: 'merge@example.com',
  subject: 'change',
  committedAt: '2026-11-22T10:00:00Z',
});

test('people are known also of commits that are not listed', () => {
  const commits = Array.from({ length: listedCommits + 1 }, (_, place) => commit(place));
  const delta = makeDelta({ base: null, commits, files: [], details: noDetails });
  assert.equal(delta.commits.length, listedCommits);
  assert.equal(delta.commitCount, listedCommits + 1);
  assert.ok(delta.emails.includes(`author-${listedCommits}@example.com`));
  assert.ok(delta.emails.includes('merge@example.com'));
});

test('the digest does not depend on the order in which a database keeps keys', () => {
  const delta = makeDelta({ base: null, commits: [commit(1)], files: [], details: noDetails });
  const shuffled = Delta.parse(
    JSON.parse(JSON.stringify(delta), (_, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toReversed())
        : value,
    ),
  );
  assert.equal(digestOfDelta(shuffled), digestOfDelta(delta));
});

test('another author is another digest', () => {
  const one = makeDelta({ base: null, commits: [commit(1)], files: [], details: noDetails });
  const other = makeDelta({ base: null, commits: [commit(2)], files: [], details: noDetails });
  assert.notEqual(digestOfDelta(one), digestOfDelta(other));
});
