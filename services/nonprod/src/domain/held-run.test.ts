import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesDigestOf, releaseRefusals, type HeldRun } from './held-run.ts';

const commit = 'a'.repeat(40);
const filesDigest = 'd'.repeat(64);
const held: HeldRun = {
  state: 'held',
  commit,
  head: commit,
  pullRequest: {
    number: 7,
    headCommit: commit,
    headRepository: null,
    baseBranch: 'main',
    author: { provider: 'github', id: '42', name: 'dana' },
    isFork: true,
  },
  authorEmail: 'dana@elsewhere.example',
  filesDigest,
};
const wish = { commit, filesDigest };
const leo = { id: 'leo@example.com', identities: [{ provider: 'github', id: '7' }] };
const codes = (run: Partial<HeldRun>, by = leo, what = wish): string[] =>
  releaseRefusals({ ...held, ...run }, what, by).map(({ code }) => code);

test('a member releases what was looked at', () => {
  assert.deepEqual(codes({}), []);
  assert.deepEqual(codes({ pullRequest: null }), []);
});

test('a push between look and click is refused, whoever told of it first', () => {
  const other = 'b'.repeat(40);
  assert.deepEqual(codes({ head: other }), ['head-moved']);
  assert.deepEqual(codes({ head: null }), ['head-moved']);
  const told = held.pullRequest === null ? null : { ...held.pullRequest, headCommit: other };
  assert.deepEqual(codes({ pullRequest: told }), ['head-moved']);
});

test('another commit, other files and a run that does not wait are each refused', () => {
  assert.deepEqual(codes({}, leo, { ...wish, commit: 'c'.repeat(40) }), ['commit-differs']);
  assert.deepEqual(codes({}, leo, { ...wish, filesDigest: 'e'.repeat(64) }), ['files-changed']);
  assert.deepEqual(codes({ state: 'queued' }), ['not-held']);
});

test('the author does not release, known by the forge’s id or by the address in the commit', () => {
  const dana = { id: 'dana@example.com', identities: [{ provider: 'github', id: '42' }] };
  assert.deepEqual(codes({}, dana), ['own-pull-request']);
  assert.deepEqual(codes({ authorEmail: 'Leo@Example.com' }), ['own-pull-request']);
  // The same number at another forge is another person.
  assert.deepEqual(codes({}, { ...leo, identities: [{ provider: 'gitea', id: '42' }] }), []);
});

test('the digest of the files changes with every file of either side, and takes any text', () => {
  const files = (text: string, release: string | null = null) => ({
    pipelines: [{ path: '.woodpecker.yaml', text }],
    release,
  });
  const digests = [
    filesDigestOf({ base: files('a'), own: files('a') }),
    filesDigestOf({ base: files('a'), own: files('b') }),
    filesDigestOf({ base: files('b'), own: files('a') }),
    filesDigestOf({ base: files('a'), own: files('a', 'version: 1') }),
    filesDigestOf({ base: files('a'), own: files('\ud800') }),
  ];
  assert.equal(new Set(digests).size, digests.length);
});
