import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admissionPolicyOf } from './admission-policy.ts';
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
      builders: { id: 'https://nonprod.example/builders/main@v1', threshold: 2 },
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
      databaseMount: 'database-prod-eu',
      databaseRole: 'migrate',
      ttl: '10m',
    },
  },
  deliver: {
    hook: `migrate@sha256:${'a'.repeat(64)}`,
    timeout: '5m',
    params: { schema: 'app', limit: 3, dryRun: false },
    database: { host: 'db.example', port: 5432, name: 'app' },
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
