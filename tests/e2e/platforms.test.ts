/**
 * One push on several platforms. The second is this machine under the kernel's 32-bit personality, as 32-bit packages are
 * built on 64-bit machines: whatever runs there is told i686 by the kernel itself, in the sandbox too.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { becomeAdministrator } from '@airlock/cli/become-administrator';
import { until } from '@airlock/demo/flow';
import { bundleOf, root } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { joinRunner } from '@airlock/demo/runner';
import { startProcess, StartError, type RunningProcess } from '@airlock/demo/supervisor';
import type { Browser } from 'playwright-core';
import { parse, stringify } from 'yaml';
import {
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { runningPair } from '../support/pair.ts';
import { runWith } from '../support/runs.ts';

// As `uname -m` says it: a step finds out where it is.
const machines = { 'linux/amd64': 'x86_64', 'linux/386': 'i686', 'linux/arm64': 'aarch64' };
type Platform = keyof typeof machines;

interface ShownRun {
  readonly state: string;
  readonly jobs: readonly {
    readonly workflow: string;
    readonly state: string;
    readonly outcome: string | null;
    readonly reason: string | null;
    readonly pool: string;
    readonly runner: string | null;
  }[];
}

// The second machine is this one under the personality of a 32-bit one, which the kernel of x86-64 alone has.
const skip =
  process.platform !== 'linux' || process.arch !== 'x64' ? 'needs linux on x86-64' : false;
const personality = ['setarch', 'i686'] as const;
const places: string[] = [];
const started: RunningProcess[] = [];
let pair: Pair;
let browser: Browser | null = null;

/** A machine of a pool: joined as any is, and started by `command`. */
async function startRunner(
  name: string,
  pool: string,
  command: readonly string[],
): Promise<RunningProcess> {
  const directory = mkdtempSync(join(tmpdir(), `airlock-${name}-`));
  places.push(directory);
  await joinRunner({
    ...{ nonprodOrigin: pair.nonprodOrigin, directory, runner: name, pool },
    enrolmentUrl: `https://127.0.0.1:${pair.ports.enrolment}`,
  });
  // Written by the pair itself.
  const config = parse(readFileSync(join(pair.layout.config, 'runner.yaml'), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
  const file = join(directory, 'runner.yaml');
  writeFileSync(
    file,
    stringify({
      ...{ ...config, pool, workDirectory: join(directory, 'work') },
      controlPlane: {
        ...config['controlPlane'],
        ...{ caFile: join(directory, 'ca.pem'), identityFile: join(directory, 'identity.pem') },
      },
      attestation: { runner: name, keyFile: join(directory, 'attestation.key') },
    }),
  );
  const [first = process.execPath, ...rest] = [
    ...command,
    ...[process.execPath, join(root, 'dist', bundleOf.runner), '--config', file],
  ];
  const running = await startProcess({
    ...{ name, command: [first, ...rest], logFile: join(directory, 'log') },
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', AIRLOCK_DEMO: '1' },
  });
  started.push(running);
  return running;
}

/** Pushes a commit whose one workflow is for these platforms; the id of its run. */
async function push(platforms: readonly Platform[]): Promise<string> {
  const matrix = {
    include: platforms.map((platform) => ({ PLATFORM: platform, MACHINE: machines[platform] })),
  };
  const when = [{ event: 'push' }];
  const step = (name: string, commands: string[]) => ({ name, image: 'shop-builder', commands });
  const files = {
    '.woodpecker/checks.yaml': {
      ...{ when, matrix, labels: { platform: '${PLATFORM}' } },
      steps: [step('check', ['test "$(uname -m)" = "$MACHINE"', 'sh test.sh'])],
    },
    '.woodpecker/pack.yaml': { when, steps: [step('package', ['sh package.sh'])] },
    '.airlock/release.yaml': {
      version: 1,
      artifacts: { 'shop-api': { path: 'dist/shop-api.tar.gz', workflow: 'pack' } },
      releases: { 'shop-api': { artifacts: ['shop-api'], promote: [{ target: 'prod-eu' }] } },
    },
  };
  const commit = await pair.repository.commit({
    message: `Check on ${platforms.join(' and ')}`,
    author: { name: 'Dana Okafor', email: 'dana@demo.airlock.example' },
    ref: `refs/heads/platforms-${randomBytes(4).toString('hex')}`,
    files: Object.fromEntries(
      Object.entries(files).map(([path, content]) => [path, `${JSON.stringify(content)}\n`]),
    ),
  });
  return (await runWith(pair, commit, () => true)).id;
}

async function shown(run: string, holds: (run: ShownRun) => boolean): Promise<ShownRun> {
  const dana = await pair.signIn('nonprod', 'dana');
  return until(`what is wanted of ${run}`, 90, async () => {
    // Its own API; what it says is compared below.
    const found = (await dana.getJson(`/api/v1/runs/${run}`)) as ShownRun;
    return holds(found) ? found : null;
  });
}

const isOver = ({ state }: ShownRun): boolean => !['queued', 'running'].includes(state);

/** What a person finds on a page, seen where there is a browser. */
async function pageOf(path: string, name: string): Promise<string> {
  const dana = await pair.signIn('nonprod', 'dana');
  const text = (await dana.getBytes(path)).toString('utf8');
  if (browser !== null) {
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}${path}`, 'dana');
    assert.equal(await sidewaysScroll(page), 0);
    await picture(page, name);
    assert.deepEqual(complaints, []);
    await context.close();
  }
  return text;
}

// Hooks of the file itself would run when the pair has ended.
describe('platforms', { skip }, () => {
  before(async () => {
    pair = await runningPair();
    if (withoutChromium === false) browser = await launchChromium();
    await pair.query(
      'nonprod',
      `update pool set labels = '{"platform": "linux/amd64"}' where name = 'default'`,
    );
    const platform = await becomeAdministrator(
      await pair.signIn('nonprod', 'oke'),
      'adds pools for other platforms',
    );
    for (const [name, label] of [
      ['on-386', 'linux/386'],
      ['on-arm', 'linux/arm64'],
    ]) {
      await platform.putJson(`/api/v1/pools/${name}`, {
        ...{ version: 0, trust: 0, isolation: pair.isolation, once: false, everyone: true },
        ...{ reuse: 'tests have one runner a platform', images: [{ glob: '**' }] },
        labels: { platform: label },
      });
    }
    await startRunner('runner-386', 'on-386', personality);
  });

  after(async () => {
    await browser?.close();
    for (const each of started) await each.stop();
    for (const place of places) rmSync(place, { recursive: true, force: true });
    await pair.query('nonprod', `update pool set labels = '{}' where name = 'default'`);
    for (const table of ['runner', 'pool_grant', 'pool_change']) {
      await pair.query('nonprod', `delete from ${table} where pool in ('on-386', 'on-arm')`);
    }
    await pair.query('nonprod', `delete from pool where name in ('on-386', 'on-arm')`);
  });

  test('one push is checked on two platforms with nobody’s help, and one run shows both verdicts', async () => {
    const id = await push(['linux/amd64', 'linux/386']);
    const run = await shown(id, isOver);
    assert.equal(run.state, 'passed', JSON.stringify(run));
    const where = run.jobs.map(({ workflow, outcome, pool, runner }) => [
      workflow,
      outcome,
      pool,
      runner,
    ]);
    assert.deepEqual(
      where.filter(([workflow]) => workflow?.startsWith('checks')).map(([, ...rest]) => rest),
      [
        ['passed', 'default', 'runner-1'],
        ['passed', 'on-386', 'runner-386'],
      ],
    );
    const page = await pageOf(`/runs/${id}`, 'run-two-platforms-1280-light');
    for (const platform of ['linux/amd64', 'linux/386'])
      assert.ok(page.includes(platform), platform);
  });

  test('pages of runner and pool show platform and reach as the runner says them', async () => {
    const runner = await pageOf('/runners/runner-386', 'runner-platform-1280-light');
    assert.match(runner, /linux\/386/);
    const open = pair.isolation === 'none';
    assert.match(runner, open ? /not told/ : /nothing outside/);
    const pool = await pageOf('/pools/on-386', 'pool-platform-1280-light');
    assert.match(pool, /platform=linux\/386/);
    assert.match(
      pool,
      open ? /whatever its machines reach/ : /nothing outside, as its runners say/,
    );
  });

  test('a platform without a runner says so on the run’s page, and a machine of another platform cannot stand in for it', async () => {
    await assert.rejects(startRunner('runner-arm', 'on-arm', []), (error: unknown) => {
      assert.ok(error instanceof StartError);
      assert.match(
        error.message,
        /runner-arm runs on linux\/amd64, and the pool on-arm is for linux\/arm64/,
      );
      return true;
    });
    const turnedAway = await pageOf('/runners/runner-arm', 'runner-turned-away-1280-light');
    assert.match(turnedAway, /Turned away: runner-arm runs on linux\/amd64/);
    const list = await pageOf('/runners', 'runners-turned-away-1280-light');
    assert.match(list, /turned away[^]*the pool on-arm is for linux\/arm64/);
    const id = await push(['linux/amd64', 'linux/arm64']);
    const run = await shown(
      id,
      ({ jobs }) => jobs.filter(({ outcome }) => outcome === 'passed').length === 2,
    );
    const reason =
      'No runner on linux/arm64 of the pool on-arm that takes jobs has been heard of in the last 2 minutes.';
    const [waits] = run.jobs.filter(({ pool }) => pool === 'on-arm');
    assert.equal(waits?.state, 'queued');
    assert.ok(waits.reason?.startsWith(reason), String(waits.reason));
    assert.ok((await pageOf(`/runs/${id}`, 'run-no-runner-1280-light')).includes(reason));
    const dana = await pair.signIn('nonprod', 'dana');
    await dana.postJson(`/api/v1/runs/${id}/cancel`, {});
    assert.equal((await shown(id, isOver)).state, 'cancelled');
  });
});
