import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { vectorNamed } from '../../app/vectors.fixture.ts';
import { loadGateFiles } from './gate-files.ts';

type VaultNames = { jwtMount: string; databaseMount: string; databaseRole: string };

function settingsWith(context: TestContext, targets: Readonly<Record<string, VaultNames>>) {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-files-'));
  context.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const targetsDirectory = join(directory, 'targets');
  mkdirSync(targetsDirectory);
  for (const [target, vault] of Object.entries(targets)) {
    const file = {
      version: 1,
      target,
      admits: [
        {
          repo: 'https://git.example/shop.git',
          refs: ['refs/heads/main'],
          pipeline: '.woodpecker.yaml',
          releaseFile: '.airlock/release.yaml',
          subject: 'shop.tar.gz',
          builders: { id: 'https://ci.example/main@v1', threshold: 1 },
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
      credentials: { vault: { ...vault, jwtRole: 'deliver', ttl: '2m' } },
      deliver: {
        hook: `load@sha256:${'a'.repeat(64)}`,
        timeout: '60s',
        params: {},
        database: { host: '127.0.0.1', port: 5432, name: 'shop' },
      },
    };
    // YAML takes JSON as it stands.
    writeFileSync(join(targetsDirectory, `${target}.yaml`), JSON.stringify(file));
  }
  const rosterFile = join(directory, 'roster.yaml');
  writeFileSync(rosterFile, JSON.stringify({ version: 1, people: [] }));
  const trustFile = join(directory, 'trust.json');
  writeFileSync(trustFile, JSON.stringify({ version: 1, signers: vectorNamed('G01').trust }));
  return {
    targetsDirectory,
    rosterFile,
    trustFile,
    hooksDirectory: directory,
  };
}

const eu = { jwtMount: 'jwt-eu', databaseMount: 'database', databaseRole: 'shop-eu' };
const us = { jwtMount: 'jwt-us', databaseMount: 'database', databaseRole: 'shop-us' };

for (const [what, second, path] of [
  ['a login mount', { ...us, jwtMount: eu.jwtMount }, 'auth/jwt-eu'],
  ['a database role', { ...us, databaseRole: eu.databaseRole }, 'database/creds/shop-eu'],
] as const) {
  test(`two targets that share ${what} are refused: the end of one would revoke the other`, async (context) => {
    await assert.rejects(
      loadGateFiles(settingsWith(context, { eu, us: second })),
      (error: Error) => {
        assert.match(error.message, /targets\/us\.yaml: credentials\.vault: /);
        assert.ok(error.message.includes(`${path} is that of eu`), error.message);
        return true;
      },
    );
  });
}

test('targets with Vault paths of their own are read', async (context) => {
  const { targets } = await loadGateFiles(settingsWith(context, { eu, us }));
  assert.deepEqual([...targets.keys()], ['eu', 'us']);
});
