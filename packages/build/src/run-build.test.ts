import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { runsAsRoot } from '@airlock/sandbox/host';
import { openPodman } from '@airlock/sandbox/podman/store';
import { probeSandbox } from '@airlock/sandbox/probe';
import { accountIsolation } from './isolation/account.ts';
import { bubblewrapIsolation } from './isolation/bubblewrap.ts';
import { createCatalogue } from './isolation/catalogue.ts';
import type { Isolation } from './isolation/isolation.ts';
import { defaultAccounts } from './isolation/config.ts';
import { defaultLimits } from './isolation/limits.ts';
import { noIsolation } from './isolation/none.ts';
import { missingPodman } from './isolation/podman.fixture.ts';
import { machineInPodman } from './isolation/podman.ts';
import { noSecrets } from './environment.ts';
import { runBuild, type Build } from './run-build.ts';
import type { Source } from './source.ts';
import { planStep } from '@airlock/common/testing/plans';
import { createWorkspace } from './workspace.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const committedAt = 1_700_000_000;
const directory = join(process.cwd(), '.test');
let root: string;
let source: Buffer;

before(() => {
  mkdirSync(directory, { recursive: true });
  root = mkdtempSync(join(directory, 'build-'));
  const tree = join(root, 'tree');
  const git = (...args: string[]): Buffer =>
    execFileSync('git', ['-C', tree, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      env: {
        PATH: process.env['PATH'],
        GIT_AUTHOR_DATE: `${committedAt} +0200`,
        GIT_COMMITTER_DATE: `${committedAt} +0200`,
      },
    });
  mkdirSync(join(tree, 'src'), { recursive: true });
  writeFileSync(join(tree, 'src/run.sh'), 'echo run\n');
  chmodSync(join(tree, 'src/run.sh'), 0o755);
  writeFileSync(join(tree, 'plain.txt'), 'plain\n');
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '-m', 'one');
  source = git('-c', 'tar.umask=0022', 'archive', '--format=tar', 'HEAD');
});
after(() => {
  rmSync(root, { recursive: true });
});

async function build(
  isolation: Isolation,
  commands: string[],
  options: { source?: () => Promise<Source>; environment?: Record<string, string> } = {},
): Promise<Build & { log: string; bytes: Buffer | null }> {
  const workspace = await createWorkspace(root);
  let log = '';
  try {
    const built = await runBuild({
      isolation,
      workspace,
      source:
        options.source ??
        (() => Promise.resolve({ archive: Readable.from([source]), checkout: null })),
      commit: 'a'.repeat(40),
      steps: [
        planStep('only', { image: 'image', commands, environment: options.environment ?? {} }),
      ],
      artifact: { path: 'out.tar', maxBytes: 1_000_000 },
      ...{ directory: null, services: [], secretsOf: noSecrets, caches: null },
      timeoutSeconds: 30,
      cancelled: new AbortController().signal,
      signal: new AbortController().signal,
      now: () => new Date(),
      onOutput: (_, chunk) => {
        log += chunk.toString();
      },
    });
    const bytes = built.artifact === null ? null : readFileSync(built.artifact.file);
    return { ...built, log, bytes };
  } finally {
    await workspace.destroy();
  }
}

/** Of the same build, by mode. */
const digests = new Map<string, string>();

const withoutPodman = missingPodman();
if (withoutPodman !== false && process.env['CI'] === 'true') assert.fail(withoutPodman);
const podmanDirectory = mkdtempSync(join(tmpdir(), 'airlock-podman-'));
after(() => {
  rmSync(podmanDirectory, { recursive: true, force: true });
});
const inPodman =
  withoutPodman === false
    ? await machineInPodman(await openPodman(podmanDirectory), {
        node: realpathSync(process.execPath),
        limits: defaultLimits,
      })
    : noIsolation(null);

for (const [mode, isolation] of [
  ['podman', inPodman],
  ['bubblewrap', bubblewrapIsolation({ nodeBinary: null })],
  ['user', accountIsolation({ accounts: defaultAccounts, nodeDirectory: null })],
  ['none', noIsolation(null)],
] as const) {
  const absent =
    mode === 'bubblewrap'
      ? missing
      : mode === 'user' && !runsAsRoot()
        ? 'only root gives accounts away'
        : mode === 'podman' && withoutPodman !== false
          ? withoutPodman
          : null;
  describe(`a build (${mode})`, { skip: absent === null ? false : `NOT TESTED: ${absent}` }, () => {
    test('does not see the zone, the language or the hour of who builds', async () => {
      const { log } = await build(isolation, [
        'echo "$TZ $LC_ALL $SOURCE_DATE_EPOCH"; umask; touch out.tar',
      ]);
      assert.match(log, new RegExp(`\nUTC C ${committedAt}\n0?022\n$`));
    });

    test('takes what a step sets instead', async () => {
      const { log } = await build(isolation, ['echo "$TZ $SOURCE_DATE_EPOCH"; touch out.tar'], {
        environment: { TZ: 'Europe/Paris', SOURCE_DATE_EPOCH: '7' },
      });
      assert.match(log, /\nEurope\/Paris 7\n$/);
    });

    test('whose step names an image that is not listed runs no step, and says which', async () => {
      const catalogue = createCatalogue([
        { listedAs: 'node:24', root: { kind: 'host' }, entrypoint: [], plugin: false },
      ]);
      const { outcome, reason, log, steps } = await build({ ...isolation, catalogue }, ['true']);
      assert.equal(outcome, 'failed');
      assert.match(reason ?? '', /^step only: image image is not in the catalogue .*node:24/);
      assert.deepEqual([steps[0]?.outcome, log], ['skipped', '']);
    });

    test('gives the same bytes twice, whatever the umask of the process that builds', async () => {
      // Modes, owners as numbers in the sandbox and times of the sources: what a careless package step keeps.
      const commands = [
        'date -u -d "@$SOURCE_DATE_EPOCH" +%s > new.txt',
        'tar --sort=name --owner=0 --group=0 --mtime="@$SOURCE_DATE_EPOCH" -cf /tmp/o.$$ src plain.txt new.txt && cat /tmp/o.$$ > out.tar; rm -f /tmp/o.$$',
      ];
      const before = process.umask(0o077);
      const one = await build(isolation, commands);
      process.umask(0o002);
      const two = await build(isolation, commands);
      process.umask(before);
      assert.equal(one.outcome, 'passed', one.log);
      assert.ok(one.bytes !== null && two.bytes !== null);
      assert.equal(one.artifact?.digest, two.artifact?.digest);
      assert.ok(one.bytes.equals(two.bytes));
      digests.set(mode, one.artifact?.digest ?? 'none');
    });

    test('says which tree it unpacked, and of what time', async () => {
      const built = await build(isolation, ['echo changed > plain.txt; touch out.tar']);
      const tree = execFileSync('git', ['-C', join(root, 'tree'), 'rev-parse', 'HEAD^{tree}']);
      assert.deepEqual(built.source, { tree: tree.toString().trim(), time: committedAt });
    });

    test('whose source cannot be had has failed by accident, and says so', async () => {
      const { outcome, reason, accident, steps } = await build(isolation, ['true'], {
        source: () => Promise.reject(new Error('no source today')),
      });
      assert.equal(outcome, 'failed');
      assert.equal(reason, 'no source today');
      assert.equal(accident?.message, 'no source today');
      assert.equal(steps[0]?.outcome, 'skipped');
    });
  });
}

test('a build gives the same bytes in every mode that was tried', () => {
  assert.ok(digests.size > 0);
  assert.equal(new Set(digests.values()).size, 1, [...digests].join(' '));
});
