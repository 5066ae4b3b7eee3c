import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from '@airlock/pipeline/glob';
import type { PullRequestFacts } from './pull-request.ts';
import { trustLevelOf, type TrustQuestion } from './trust-level.ts';

const commit = 'a'.repeat(40);
const facts: PullRequestFacts = {
  number: 7,
  headCommit: commit,
  headRepository: 'stranger/web',
  baseBranch: 'main',
  author: { provider: 'github', id: '42', name: 'dana' },
  isFork: true,
};
const within: PullRequestFacts = { ...facts, headRepository: 'shop/web', isFork: false };
const base: TrustQuestion = {
  event: 'push',
  ref: 'refs/heads/main',
  commit,
  pullRequest: null,
  authorIsMember: false,
  protectedRefs: ['refs/heads/main', 'refs/tags/v*', 'refs/heads/release/*'],
};
const pull = { event: 'pull_request', ref: 'refs/pull/7/head' } as const;

const table: readonly [string, Partial<TrustQuestion>, 0 | 1 | 2 | 3][] = [
  ['the main branch', {}, 3],
  ['a protected branch by glob', { ref: 'refs/heads/release/2.1' }, 3],
  ['a branch', { ref: 'refs/heads/topic' }, 2],
  ['a branch that only ends like a protected one', { ref: 'refs/heads/feature/main' }, 2],
  ['a branch below a protected glob’s part', { ref: 'refs/heads/release/2.1/hack' }, 2],
  ['a tag named like the main branch', { ref: 'refs/tags/main' }, 2],
  ['a protected tag', { event: 'tag', ref: 'refs/tags/v1.2' }, 3],
  ['a tag', { event: 'tag', ref: 'refs/tags/nightly' }, 2],
  ['a release', { event: 'release', ref: 'refs/tags/v1.2' }, 3],
  ['a deployment asked for by a pusher', { event: 'deployment', ref: 'refs/heads/topic' }, 2],
  ['a deployment of main asked for by a pusher', { event: 'deployment' }, 2],
  ['cron on main', { event: 'cron' }, 3],
  ['a manual run of a branch', { event: 'manual', ref: 'refs/heads/topic' }, 2],
  ['a manual run of a pull request', { event: 'manual', ref: 'refs/pull/7/head' }, 0],
  ['a push event that names a pull request’s ref', { ref: 'refs/pull/7/head' }, 0],
  ['the same of GitLab', { ref: 'refs/merge-requests/7/head' }, 0],
  ['the same of Gerrit', { ref: 'refs/changes/07/7/1' }, 0],
  ['a pull request event that names main', { event: 'pull_request' }, 0],
  ['a ref without its beginning', { ref: 'main' }, 0],
  ['notes', { ref: 'refs/notes/commits' }, 0],
  ['a pull request without facts', pull, 0],
  ['a pull request without facts of a claimed member', { ...pull, authorIsMember: true }, 0],
  ['a stranger’s pull request', { ...pull, pullRequest: facts }, 0],
  [
    'a stranger’s pull request from within the repository',
    { ...pull, pullRequest: { ...facts, isFork: false } },
    0,
  ],
  ['a member’s pull request', { ...pull, pullRequest: within, authorIsMember: true }, 1],
  [
    'a member’s pull request from a fork of their own',
    { ...pull, pullRequest: { ...facts, headRepository: 'Dana/web' }, authorIsMember: true },
    1,
  ],
  [
    'a pull request that a member opened from a stranger’s fork',
    { ...pull, pullRequest: facts, authorIsMember: true },
    0,
  ],
  [
    'a pull request that a member opened from a fork below a group named like them',
    { ...pull, pullRequest: { ...facts, headRepository: 'dana/x/web' }, authorIsMember: true },
    0,
  ],
  [
    'a pull request that a member opened from a fork that the forge does not name',
    { ...pull, pullRequest: { ...facts, headRepository: null }, authorIsMember: true },
    0,
  ],
  [
    'a fork at Bitbucket, where people choose any name, that is named like its author',
    {
      ...pull,
      pullRequest: {
        ...facts,
        headRepository: 'dana/web',
        author: { provider: 'bitbucket', id: '{42}', name: 'dana' },
      },
      authorIsMember: true,
    },
    0,
  ],
  [
    'a member’s pull request to a protected branch, closed',
    { ...pull, event: 'pull_request_closed', pullRequest: within, authorIsMember: true },
    1,
  ],
  [
    'a pull request whose author the forge does not name',
    { ...pull, pullRequest: { ...facts, author: null }, authorIsMember: true },
    0,
  ],
  [
    'a pull request that was pushed to since the forge spoke',
    { ...pull, pullRequest: { ...facts, headCommit: 'b'.repeat(40) }, authorIsMember: true },
    0,
  ],
];

for (const [what, change, level] of table) {
  test(`${what} has trust ${level}, and a reason`, () => {
    const trust = trustLevelOf({ ...base, ...change }, matchesGlob);
    assert.equal(trust.level, level);
    assert.ok(trust.why.length > 10);
  });
}

test('no event and no protection rule lifts a pull request of an unknown author above 0', () => {
  const events = [
    ...(['push', 'pull_request', 'pull_request_closed', 'pull_request_metadata', 'tag'] as const),
    ...(['release', 'deployment', 'cron', 'manual'] as const),
  ];
  for (const event of events) {
    for (const pullRequest of [null, facts]) {
      const trust = trustLevelOf(
        {
          ...base,
          event,
          ref: 'refs/pull/7/head',
          pullRequest,
          protectedRefs: ['**', 'refs/pull/**'],
        },
        matchesGlob,
      );
      assert.equal(trust.level, 0, event);
    }
  }
});
