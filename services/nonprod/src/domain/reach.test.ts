import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { Pool } from './pool.ts';
import { reachOf, type PlaceKind, type Reach, type ReachQuestion } from './reach.ts';
import { newSecretFilters, secretEvents, type SecretFilters } from './secret-filter.ts';

const pool = (name: string, trust: Pool['trust'], change: Partial<Pool> = {}): Pool => ({
  ...{ name, trust, isolation: 'bubblewrap', once: false, reuse: null, images: [], labels: {} },
  ...{ everyone: trust === 0, repositories: trust === 0 ? [] : ['shop/web'] },
  ...{ concurrency: null, egress: null },
  ...change,
});
const question: ReachQuestion = {
  repository: {
    ...{ name: 'shop/web', mainBranch: 'trunk', configured: true },
    protectedRefs: ['refs/heads/release/*', 'refs/tags/{v,w}*'],
  },
  pools: [
    ...[pool('strangers', 0), pool('branches', 2), pool('main', 3)],
    pool('others', 1, { repositories: ['shop/api'] }),
  ],
  secrets: [],
  now: new Date('2026-11-23T00:00:00Z'),
};
const secret = (name: string, filters: Partial<SecretFilters>) => ({
  name,
  filters: { ...newSecretFilters, ...filters },
});

/** The one answer of a kind of run. */
function at(
  place: PlaceKind,
  event: RunEvent,
  change: Partial<ReachQuestion> = {},
  refs?: string,
): Reach {
  const [one, ...more] = reachOf({ ...question, ...change }).filter(
    (reach) =>
      reach.place === place &&
      reach.events.includes(event) &&
      (refs === undefined || reach.refs === refs),
  );
  assert.ok(one);
  assert.deepEqual(more, []);
  return one;
}

test('a stranger’s pull request follows the base’s files in the lowest pool, reads no secret and leaves nothing signed', () => {
  const everything = secret('EVERY', {
    ...{ events: [...secretEvents], protectedOnly: false, leastTrust: 0 },
  });
  const reach = at('pull-request-of-strangers', 'pull_request', { secrets: [everything] });
  assert.deepEqual(reach, {
    ...{ place: 'pull-request-of-strangers', refs: null, level: 0, files: 'base' },
    events: ['pull_request', 'pull_request_closed', 'pull_request_metadata'],
    ...{ pools: ['strangers'], secrets: [], signedBy: null, promotable: false },
    caches: { reads: [0, 1, 2, 3], writes: ['strangers'] },
  });
  assert.equal(
    at('pull-request-of-members', 'pull_request', { secrets: [everything] }).secrets.length,
    1,
  );
});

test('a push to main is the only run that may be promoted', () => {
  const promotable = reachOf(question).filter((reach) => reach.promotable);
  assert.deepEqual(
    promotable.map(({ place, events, signedBy }) => ({ place, events, signedBy })),
    [{ place: 'main', events: ['push'], signedBy: 'main' }],
  );
  const added = { ...question.repository, configured: false };
  assert.ok(reachOf({ ...question, repository: added }).every(({ signedBy }) => signedBy === null));
});

test('a member’s pull request writes no cache in a pool that runs strangers’ builds', () => {
  const reach = at('pull-request-of-members', 'pull_request');
  assert.deepEqual(reach.pools, ['strangers']);
  assert.deepEqual(reach.caches, { reads: [1, 2, 3], writes: [] });
  assert.deepEqual(at('branch', 'push').caches, { reads: [2, 3], writes: ['branches'] });
});

test('a pool that is granted, and a rule that is changed, change the answer', () => {
  assert.deepEqual(at('main', 'push').pools, ['main', 'branches', 'strangers']);
  const pools = [...question.pools, pool('big', 3)];
  assert.deepEqual(at('main', 'push', { pools }).pools, ['big', 'main', 'branches', 'strangers']);
  assert.equal(at('branch', 'push').level, 2);
  assert.equal(at('protected-refs', 'push', {}, 'refs/heads/release/*').level, 3);
});

test('a deployment of a protected ref has less trust than a push to it', () => {
  assert.equal(at('main', 'deployment').level, 2);
  assert.equal(at('protected-refs', 'tag', {}, 'refs/tags/{v,w}*').level, 3);
  assert.equal(at('protected-refs', 'deployment', {}, 'refs/tags/{v,w}*').level, 2);
});

test('a secret stands where a run can read it, with the pools, refs, plugins and releases that it needs', () => {
  const secrets = [
    secret('MAIN', {}),
    secret('RELEASE', { refs: ['release/9'], leastTrust: 3 }),
    secret('PLUGIN', { protectedOnly: false, images: ['plugins/docker'] }),
    secret('FEATURE', { protectedOnly: false, refs: ['feature/*'] }),
    secret('OLD', { expiresAt: '2026-01-01T00:00:00Z' }),
    secret('LOOKED', { approvedOnly: true }),
  ];
  const names = (reach: Reach): string[] => reach.secrets.map(({ name }) => name);
  assert.deepEqual(names(at('main', 'push', { secrets })), ['MAIN', 'PLUGIN', 'LOOKED']);
  assert.deepEqual(names(at('main', 'cron', { secrets })), []);
  const open = { refs: [], plugins: [], releasedOnly: false };
  assert.deepEqual(at('protected-refs', 'push', { secrets }, 'refs/heads/release/*').secrets, [
    { name: 'MAIN', pools: ['main', 'branches'], ...open },
    { name: 'RELEASE', pools: ['main'], ...open, refs: ['release/9'] },
    { name: 'PLUGIN', pools: ['main', 'branches'], ...open, plugins: ['plugins/docker'] },
    { name: 'LOOKED', pools: ['main', 'branches'], ...open, releasedOnly: true },
  ]);
  assert.deepEqual(at('branch', 'push', { secrets }).secrets, [
    { name: 'PLUGIN', pools: ['branches'], ...open, plugins: ['plugins/docker'] },
    { name: 'FEATURE', pools: ['branches'], ...open, refs: ['feature/*'] },
  ]);
});
