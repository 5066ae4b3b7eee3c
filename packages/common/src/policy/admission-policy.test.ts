import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admissionPolicyOf, builderRuleOf } from './admission-policy.ts';
import { TargetPolicy } from './target-policy.ts';

const file = {
  version: 1,
  target: 'prod-eu',
  admits: [
    {
      repo: 'https://git.example/org/app',
      refs: ['refs/heads/main'],
      pipeline: '.woodpecker/build.yaml',
      releaseFile: '.airlock/release.yaml',
      subject: 'app.tar.gz',
      builders: {
        id: 'https://nonprod.example/builders/main@v1',
        threshold: 2,
        images: [`sha256:${'6'.repeat(64)}`],
      },
      maxAge: '14d',
      tests: 'required',
      signedCommits: 'not-required',
    },
  ],
  approvals: {
    rules: [{ role: 'release-manager', count: 2 }],
    exclude: ['requester', 'authors', 'committers'],
    expires: '24h',
  },
  credentials: {
    vault: {
      jwtMount: 'jwt-prod-eu',
      jwtRole: 'deliver',
      reads: [{ as: 'db', kind: 'database', mount: 'database-prod-eu', role: 'migrate' }],
      ttl: '10m',
    },
  },
  deliver: {
    hook: `migrate@sha256:${'a'.repeat(64)}`,
    timeout: '5m',
    params: { schema: 'app', limit: 3, dryRun: false },
    egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'app' }],
  },
};

test('the target file says what a bundle must state', () => {
  assert.deepEqual(admissionPolicyOf(TargetPolicy.parse(file)), {
    buildType: 'https://airlock.example/buildtypes/pipeline/v1',
    builderId: 'https://nonprod.example/builders/main@v1',
    repository: 'https://git.example/org/app',
    ref: 'refs/heads/main',
    pipeline: '.woodpecker/build.yaml',
    release: '.airlock/release.yaml',
    target: 'prod-eu',
    subjectName: 'app.tar.gz',
    threshold: 2,
    maxAgeSeconds: 14 * 24 * 3600,
    skewSeconds: 60,
    requireTests: true,
    requireSignedCommit: false,
  });
});

const [admitted] = file.admits;
const withBuilders = (builders: object): unknown => ({
  ...file,
  admits: [{ ...admitted, builders: { images: [`sha256:${'6'.repeat(64)}`], ...builders } }],
});
const id = 'https://nonprod.example/builders/main@v1';
const rebuilder = 'https://audit.example/rebuilder@v1';

test('with rebuilders the threshold counts builders, and one key of the main one is enough for its provenance', () => {
  const policy = TargetPolicy.parse(withBuilders({ id, threshold: 2, of: [rebuilder] }));
  assert.equal(admissionPolicyOf(policy).threshold, 1);
  assert.deepEqual(builderRuleOf(policy, 1), { need: 2, of: [rebuilder] });
});

test('the wish of the release file raises what a target asks for and never lowers it', () => {
  const one = TargetPolicy.parse(withBuilders({ id, threshold: 1 }));
  const two = TargetPolicy.parse(withBuilders({ id, threshold: 2, of: [rebuilder] }));
  assert.deepEqual(
    [
      builderRuleOf(one, 1),
      builderRuleOf(one, 2),
      builderRuleOf(two, 1),
      builderRuleOf(two, 3),
    ].map(({ need }) => need),
    [1, 2, 2, 3],
  );
});

test('two keys on one provenance are still one builder', () => {
  assert.equal(builderRuleOf(TargetPolicy.parse(file), 1).need, 1);
});

test('a target that could never be met, or that lists a builder twice, is refused', () => {
  for (const builders of [
    { id, threshold: 3, of: [rebuilder] },
    { id, threshold: 2, of: [id] },
    { id, threshold: 2, of: [rebuilder, rebuilder] },
    { id, threshold: 2, of: [rebuilder], independence: [] },
  ]) {
    assert.equal(TargetPolicy.safeParse(withBuilders(builders)).success, false);
  }
});
