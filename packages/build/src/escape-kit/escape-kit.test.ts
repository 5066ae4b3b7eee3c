import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import { requireProgram, runsAsRoot } from '@airlock/sandbox/host';
import { openPodman } from '@airlock/sandbox/podman/store';
import { probeSandbox } from '@airlock/sandbox/probe';
import { runUnisolated } from '@airlock/sandbox/unisolated';
import { missingPodman } from '../isolation/podman.fixture.ts';
import { machineInPodman } from '../isolation/podman.ts';
import { bubblewrapIsolation } from '../isolation/bubblewrap.ts';
import { accountIsolation } from '../isolation/account.ts';
import { hostCatalogue } from '../isolation/catalogue.ts';
import { chooseIsolation } from '../isolation/choose.ts';
import { defaultAccounts } from '../isolation/config.ts';
import type { Isolation } from '../isolation/isolation.ts';
import { defaultLimits } from '../isolation/limits.ts';
import { differences, findingsDigest, goldenOf } from './compare.ts';
import { runEscapeKit } from './run.ts';
import { ownNode, selfTest } from './self-test.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const withoutPodman = missingPodman();
if (withoutPodman !== false && process.env['CI'] === 'true') assert.fail(withoutPodman);

test('a probe that differs, that was not tried and that is new is a difference each, by name', () => {
  assert.deepEqual(differences({ a: '1', b: '2', c: '3' }, { a: '1', b: 'X', d: '4' }), [
    'b: X, and it has to be 2',
    'c: not tried, and it has to be 3',
    'd: 4, and it has to be unknown',
  ]);
});

test('the digest of what was found does not depend on the order in which it was found', () => {
  assert.equal(findingsDigest({ a: '1', b: '2' }), findingsDigest({ b: '2', a: '1' }));
  assert.notEqual(findingsDigest({ a: '1' }), findingsDigest({ a: '2' }));
});

test('without isolation whatever the kit finds is a difference', () => {
  assert.deepEqual(goldenOf('none'), {});
});

describe('the escape kit', { skip: missing ?? false }, () => {
  let directory: string;
  before(() => {
    mkdirSync('.test', { recursive: true });
    directory = mkdtempSync(join(process.cwd(), '.test', 'kit-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  test('finds in a sandbox of bubblewrap what its golden file says, probe by probe', async () => {
    const isolation = bubblewrapIsolation({ nodeBinary: ownNode() });
    const { probes, differences: found } = await selfTest({
      ...{ isolation, workDirectory: directory },
      secretFiles: ['/etc/shadow'],
    });
    assert.deepEqual(found, []);
    assert.deepEqual({ ...probes }, { ...goldenOf('bubblewrap') });
    assert.ok(Object.keys(probes).length > 45);
  });

  test(
    'finds under an account of its own what that golden file says',
    { skip: runsAsRoot() ? false : 'NOT TESTED: only root gives accounts away' },
    async () => {
      const nodeDirectory = dirname(ownNode());
      const isolation = accountIsolation({ accounts: defaultAccounts, nodeDirectory });
      const { probes } = await selfTest({
        ...{ isolation, workDirectory: directory },
        secretFiles: ['/etc/shadow'],
      });
      assert.deepEqual({ ...probes }, { ...goldenOf('user') });
    },
  );

  test(
    'finds in a container of podman what that golden file says',
    { skip: withoutPodman },
    async () => {
      const podman = await openPodman(join(directory, 'podman'));
      const isolation = await machineInPodman(podman, { node: ownNode(), limits: defaultLimits });
      const { probes } = await selfTest({
        ...{ isolation, workDirectory: directory },
        secretFiles: ['/etc/shadow'],
      });
      assert.deepEqual({ ...probes }, { ...goldenOf('podman') });
    },
  );

  test('sees a file of the machine, a descriptor and an environment that a sandbox lets through', async () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'secret', { mode: 0o644 });
    const leaky: Isolation = {
      ...bubblewrapIsolation({ nodeBinary: ownNode() }),
      run: ({ command, workspace, onOutput, signal }) =>
        runSandboxed({
          command,
          env: { LEAKED: process.env['AIRLOCK_SELFTEST_MARKER'] ?? '' },
          binds: [
            { source: ownNode(), target: '/opt/node/bin/node' },
            { source: workspace, target: '/build', writable: true },
            { source: secret, target: secret },
          ],
          files: [],
          inheritFds: [{ fd: 50, source: openSync(secret, 'r') }],
          workingDirectory: '/build',
          hostname: 'leaky',
          limits: { ...defaultLimits, wallSeconds: 60 },
          onOutput,
          signal,
        }),
    };
    const found = await runEscapeKit({
      ...{ isolation: leaky, workDirectory: directory, secretFiles: [secret] },
      ...{ nodeInside: '/opt/node/bin/node', workspaceInside: '/build' },
    });
    assert.equal(found['secret-files'], `READABLE ${secret}`);
    assert.match(found['inherited-descriptors'] ?? '', /^50 .* OPEN$/);
    assert.equal(found['environment-of-starter'], 'FOUND');
  });

  test('sees who started it where processes are not kept apart', async () => {
    const together: Isolation = {
      ...bubblewrapIsolation({ nodeBinary: ownNode() }),
      run: ({ command, workspace, onOutput, wallSeconds }) =>
        runUnisolated({
          command: [
            ...[requireProgram('bwrap', 'bubblewrap'), '--unshare-user', '--unshare-net'],
            ...['--ro-bind', '/', '/', '--bind', workspace, workspace, '--', ...command],
          ],
          ...{ env: {}, workingDirectory: '/', wallSeconds, onOutput },
        }),
    };
    const found = await runEscapeKit({
      ...{ isolation: together, workDirectory: directory, secretFiles: [] },
      ...{ nodeInside: ownNode(), workspaceInside: null },
    });
    assert.deepEqual(
      [found['namespace-pid'], found['starter-can-be-signalled']],
      ["THE MACHINE'S", 'REACHED'],
    );
  });

  const config = {
    isolation: 'bubblewrap' as const,
    images: [{ image: '**', root: 'host', entrypoint: [], plugin: false }],
    limits: defaultLimits,
    accounts: defaultAccounts,
  };

  test('a builder whose sandbox holds attests the digest of what the kit found', async () => {
    const isolation = await chooseIsolation(
      { ...config, workDirectory: directory },
      { onEgress: () => {}, secretFiles: [] },
    );
    const workspace = mkdtempSync(join(directory, 'workspace-'));
    const { enforced } = await isolation.run({
      ...{ command: ['/bin/true'], env: {}, workspace, writable: true, wallSeconds: 20 },
      ...{ signal: new AbortController().signal, onOutput: () => {} },
    });
    const digest = findingsDigest(goldenOf('bubblewrap'));
    assert.ok(enforced.includes(`self-test:${digest.slice(0, 32)}`), enforced.join());
    assert.equal(isolation.catalogue.find('any').listed, hostCatalogue.find('any').listed);
  });

  test(
    'a builder does not start while the account of its builds can read its key, and says which file',
    { skip: runsAsRoot() ? false : 'NOT TESTED: only root hands builds to another account' },
    async () => {
      const key = join('/tmp', `airlock-key-${process.pid}`);
      writeFileSync(key, 'key', { mode: 0o644 });
      try {
        const choice = chooseIsolation(
          { ...config, workDirectory: directory },
          { onEgress: () => {}, secretFiles: [key] },
        );
        await assert.rejects(choice, (error: Error) => {
          assert.match(error.message, /does not hold on this machine, so that no work is taken/);
          assert.ok(error.message.includes(`READABLE ${key}`));
          return true;
        });
      } finally {
        rmSync(key);
      }
    },
  );
});
