import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, appendFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { bundleFaults } from '@airlock/cli/doctor/builds';
import { bundleOf, processNames, root } from '@airlock/demo/names';
import { bundleDigest, version } from '@airlock/process/build';
import { runningPair } from '../support/pair.ts';

const run = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, args, { cwd: root })).stdout.trim();

const statusOf = (url: URL): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { port, host, pathname: path } = url;
    const headers = { host, accept: 'application/json' };
    get({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });

test('B65: every process of the pair says version, commit and the digest of its own bundle', async () => {
  await runningPair();
  for (const name of processNames) {
    const file = join(root, 'dist', bundleOf[name]);
    const digest = bundleDigest(join(file, '..'));
    assert.match(
      await run(file, '--version'),
      new RegExp(`^[a-z-]+ ${version}, commit [0-9a-f]{40}(-dirty)?, build ${digest}$`),
      name,
    );
  }
});

test('B65: airlock --version says that it runs from source, and of which commit', async () => {
  assert.match(
    await run('scripts/airlock.mjs', '--version'),
    new RegExp(`^airlock ${version}, commit [0-9a-f]{40}(-dirty)?, from source$`),
  );
});

test('B65: both services tell their build to who is signed in, and to the figures, and to nobody else', async () => {
  const pair = await runningPair();
  for (const [service, origin, port, bundle] of [
    ['nonprod', pair.nonprodOrigin, pair.ports.nonprodFigures, 'nonprod'],
    ['gate', pair.gateOrigin, pair.ports.gateFigures, 'prod-gate'],
  ] as const) {
    const digest = bundleDigest(join(root, 'dist', bundle));
    assert.equal(await statusOf(new URL('/api/v1/version', origin)), 401, service);
    const session = await pair.signIn(service, 'mira');
    const told = await session.getJson('/api/v1/version');
    assert.ok(typeof told === 'object' && told !== null && 'commit' in told, service);
    assert.deepEqual(told, { version, commit: told.commit, digest }, service);
    const figures = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.ok(figures.includes(`digest="${digest}"`), service);
  }
});

test('B65: a bundle that is not what was built is found by the doctor', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-bundles-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  cpSync(join(root, 'dist/signer'), join(directory, 'signer'), { recursive: true });
  assert.deepEqual(bundleFaults(directory), { faults: [], bundles: ['signer'] });
  appendFileSync(join(directory, 'signer/signer.mjs'), '\n');
  assert.match(bundleFaults(directory).faults.join(), /signer is sha256:.* and was built as/);
});
