import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noDetails } from '../testing/delta-details.ts';
import { makeDelta } from './delta.ts';
import { firstLines, firstsOf, mayHaveFirsts } from './firsts.ts';

const delta = makeDelta({
  base: { commit: '1'.repeat(40), release: '1' },
  commits: ['dana', 'leo'].map((name) => ({
    ...{ commit: '2'.repeat(40), subject: 'x', authorName: name },
    ...{ authorEmail: `${name}@example.com`, committerEmail: 'forge@example.com' },
    committedAt: '2026-11-22T10:00:00Z',
  })),
  files: [],
  details: noDetails,
});

test('who is first here is named as git names them, a committer by the address alone, and nobody of a delta that was replaced', () => {
  const found = firstsOf({ delta }, [
    { kind: 'email', value: 'dana@example.com' },
    { kind: 'email', value: 'forge@example.com' },
    { kind: 'email', value: 'of-the-delta-before@example.com' },
    { kind: 'image', value: 'abc' },
  ]);
  assert.deepEqual(found, {
    authors: [
      { email: 'dana@example.com', name: 'dana' },
      { email: 'forge@example.com', name: null },
    ],
    images: ['abc'],
  });
  assert.deepEqual(firstLines('prod-eu', found), [
    'Nothing that was delivered to prod-eu before is by dana <dana@example.com>, forge@example.com.',
    'Nothing that was delivered to prod-eu before was built on the image sha256:abc.',
  ]);
});

test('nothing is first in a first delivery, in a return and in what no longer waits', () => {
  const waiting = { state: 'waiting', returns: null, delta } as const;
  assert.equal(mayHaveFirsts(waiting), true);
  const returns = {} as unknown as NonNullable<Parameters<typeof mayHaveFirsts>[0]['returns']>;
  for (const other of [
    { delta: { ...delta, base: null } },
    { returns },
    { state: 'live' as const },
  ]) {
    assert.equal(mayHaveFirsts({ ...waiting, ...other }), false);
  }
});
