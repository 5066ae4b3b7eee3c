import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from '@airlock/pipeline/glob';
import {
  firstPools,
  noRunnerText,
  placeWorkflow as placeAmong,
  platformOf,
  poolFaults,
  poolWarnings,
  takesOneJob,
  type PlacedWorkflow,
  type Pool,
} from './pool.ts';
import { trustLevels } from './trust-level.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const pool = (name: string, trust: Pool['trust'], change: Partial<Pool> = {}): Pool => ({
  name,
  trust,
  isolation: 'bubblewrap',
  once: trust === 0,
  reuse: null,
  images: [{ glob: '**', digest: trust >= 2 ? digest : null, plugin: false }],
  labels: {},
  everyone: trust === 0,
  repositories: trust === 0 ? [] : ['shop/web'],
  concurrency: null,
  egress: null,
  ...change,
});
const pools = [pool('strangers', 0), pool('members', 1), pool('branches', 2), pool('main', 3)];
const workflow = (change: Partial<PlacedWorkflow> = {}): PlacedWorkflow => ({
  name: 'build',
  labels: {},
  images: [{ step: 'test', image: 'node:24', plugin: false }],
  ...change,
});
const placeWorkflow = (
  ...args: [PlacedWorkflow, { repository: string; level: Pool['trust'] }, readonly Pool[]]
) => placeAmong(...args, matchesGlob);
const place = (
  labels: Record<string, string>,
  level: Pool['trust'],
  among: readonly Pool[] = pools,
  repository = 'shop/web',
) => placeWorkflow(workflow({ labels }), { repository, level }, among);

test('each level of trust goes to its own pool when there is one', () => {
  for (const level of trustLevels) {
    const placed = place({}, level);
    assert.equal(placed.kind === 'placed' && placed.pool.trust, level);
    assert.deepEqual(placed.kind === 'placed' && placed.notes, []);
  }
});

test('no level, label or set of pools puts a run into a pool of higher trust', () => {
  const labelled = [{}, ...pools.map(({ name }) => ({ pool: name })), { pool: '*' }];
  for (const level of trustLevels) {
    for (const labels of labelled) {
      for (let mask = 0; mask < 16; mask += 1) {
        const among = pools.filter((_, index) => (mask & (1 << index)) !== 0);
        const placed = place(labels, level, among);
        if (placed.kind === 'placed') assert.ok(placed.pool.trust <= level);
      }
    }
  }
});

test('a pull request that names the trusted pool is refused by that name', () => {
  const placed = place({ pool: 'main' }, 0);
  assert.equal(placed.kind === 'refused' && placed.code, 'pool-above-trust');
  assert.match(placed.kind === 'refused' ? placed.reason : '', /pool main takes trust 3.*has 0/);
});

test('a pool that was not granted is refused by name, and so is one that does not exist', () => {
  const other = place({ pool: 'main' }, 3, pools, 'shop/other');
  assert.equal(other.kind === 'refused' && other.code, 'pool-not-granted');
  assert.match(other.kind === 'refused' ? other.reason : '', /main is not granted to shop\/other/);
  const unknown = place({ pool: 'mian' }, 3);
  assert.equal(unknown.kind === 'refused' && unknown.code, 'pool-unknown');
});

test('a new repository has pools of trust 0 and no others', () => {
  const placed = place({}, 3, pools, 'shop/new');
  assert.equal(placed.kind === 'placed' && placed.pool.name, 'strangers');
  assert.match(placed.kind === 'placed' ? (placed.notes[0] ?? '') : '', /executes trust 0/);
  const none = place({}, 3, pools.slice(1), 'shop/new');
  assert.equal(none.kind === 'refused' && none.code, 'no-pool-matches');
  assert.match(none.kind === 'refused' ? none.reason : '', /no pool for runs of trust 3/);
});

test('labels choose among what is granted, and a label that no pool has is told', () => {
  const gpu = pool('gpu', 2, { labels: { gpu: 'a100', platform: 'linux/amd64' } });
  const among = [...pools, gpu];
  const placed = place({ gpu: '*', platform: 'linux/amd64' }, 3, among);
  assert.equal(placed.kind === 'placed' && placed.pool.name, 'gpu');
  const none = place({ gpu: 'h100' }, 3, among);
  assert.match(none.kind === 'refused' ? none.reason : '', /none of the pools .*gpu=h100/);
  // Inherited properties are no labels.
  assert.equal(place({ constructor: '*' }, 3, among).kind, 'refused');
});

test('who names a platform gets a pool of exactly that one, and a queued job says when nobody could take it', () => {
  const any = pool('any', 3, { labels: { platform: '*', disk: '*' } });
  const arm = pool('arm', 2, { labels: { platform: 'linux/arm64' } });
  const chosen = (labels: Record<string, string>): string | null => {
    const placed = place(labels, 3, [any, arm]);
    return placed.kind === 'placed' ? placed.pool.name : null;
  };
  assert.equal(chosen({ platform: 'linux/arm64' }), 'arm');
  assert.equal(chosen({ platform: 'linux/amd64' }), null);
  assert.equal(chosen({ platform: '*' }), 'any');
  assert.equal(chosen({ disk: 'fast' }), 'any');
  assert.deepEqual([any, arm, pool('main', 3)].map(platformOf), [null, 'linux/arm64', null]);
  const told = (platform: string | null, able: number) =>
    noRunnerText({ name: 'p', platform, able });
  assert.match(
    told('linux/arm64', 0) ?? '',
    /^No runner on linux\/arm64 of the pool p that takes jobs has/,
  );
  assert.match(told(null, 0) ?? '', /^No runner of the pool p that takes jobs has been heard of/);
  assert.equal(told('linux/arm64', 1), null);
});

test('an image that the pool does not list is refused with image, pool and where to add it', () => {
  const strict = [pool('main', 3, { images: [{ glob: 'node:*', digest, plugin: false }] })];
  const images = [{ step: 'scan', image: 'evil/node:24', plugin: false }];
  const placed = placeWorkflow(workflow({ images }), { repository: 'shop/web', level: 3 }, strict);
  assert.equal(placed.kind === 'refused' && placed.code, 'image-not-listed');
  assert.match(
    placed.kind === 'refused' ? placed.reason : '',
    /step scan.*pool main.*evil\/node:24.*\/pools\/main; it has node:\*/,
  );
});

test('an image of a less trusted pool is not a reason to run there instead', () => {
  const strict = [
    pool('main', 3, { images: [{ glob: 'node:*', digest, plugin: false }] }),
    pool('strangers', 0),
  ];
  const images = [{ step: 'scan', image: 'evil', plugin: false }];
  const placed = placeWorkflow(workflow({ images }), { repository: 'shop/web', level: 3 }, strict);
  assert.equal(placed.kind === 'refused' && placed.code, 'image-not-listed');
});

test('a plugin needs an entry that says that it is one', () => {
  const images = [{ step: 'publish', image: 'plugins/s3', plugin: true }];
  const run = { repository: 'shop/web', level: 0 } as const;
  const refused = placeWorkflow(workflow({ images }), run, pools);
  assert.equal(refused.kind === 'refused' && refused.code, 'image-no-plugin');
  const plugins = pool('strangers', 0, {
    images: [{ glob: 'plugins/*', digest: null, plugin: true }],
  });
  assert.equal(placeWorkflow(workflow({ images }), run, [plugins]).kind, 'placed');
});

test('settings that the isolation could not keep are refused by field', () => {
  const fields = (change: Partial<Pool>, trust: Pool['trust'] = 0): string[] =>
    poolFaults(pool('p', trust, change)).map(({ field }) => field);
  assert.deepEqual(fields({}), []);
  assert.deepEqual(fields({ isolation: 'none', images: [] }), []);
  assert.deepEqual(fields({ isolation: 'none' }), ['images']);
  assert.deepEqual(fields({ isolation: 'none', images: [] }, 1), ['isolation']);
  assert.deepEqual(fields({ isolation: 'user', images: [], egress: 'npm' }, 1), ['egress']);
  assert.deepEqual(fields({ images: [] }), ['images']);
  assert.deepEqual(fields({ everyone: true }, 2), ['everyone']);
  assert.deepEqual(fields({ isolation: 'podman' }), ['images']);
  assert.deepEqual(fields({ images: [{ glob: 'node:*', digest: null, plugin: false }] }, 2), [
    'images',
  ]);
});

test('a pool of strangers whose runners are used again is warned about', () => {
  const warnings = poolWarnings(pool('p', 0, { once: false, reuse: 'one machine for all' }));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /used again after a stranger’s build: one machine for all\./);
  assert.equal(poolWarnings(pool('p', 0)).length, 0);
});

test('in a pool of strangers runners take one job, unless it says why they are used again; elsewhere nothing is said', () => {
  const faults = (trust: Pool['trust'], change: Partial<Pool>) =>
    poolFaults(pool('p', trust, change)).map(({ field }) => field);
  const reuse = 'one machine for all';
  assert.deepEqual(faults(0, { once: false, reuse: null }), ['once']);
  assert.deepEqual(faults(0, { once: false, reuse }), []);
  assert.deepEqual(faults(0, { once: true, reuse }), ['reuse']);
  assert.deepEqual(faults(3, { once: false, reuse }), ['reuse']);
  assert.deepEqual(faults(3, { once: false, reuse: null }), []);
});

test('a runner of strangers’ builds gets one job wherever nothing says otherwise', () => {
  const one = (trust: Pool['trust'], once: boolean, reuse: string | null) =>
    takesOneJob(pool('p', trust, { once, reuse }));
  assert.deepEqual(
    [one(0, true, null), one(0, false, null), one(0, false, 'a reason'), one(1, false, null)],
    [true, true, false, false],
  );
  assert.equal(one(2, true, null), true);
  const first = (reuse: string | null) =>
    firstPools({ main: 'main', other: 'other', reuse }).map((each) => takesOneJob(each));
  assert.deepEqual(first(null), [false, true]);
  assert.deepEqual(first('a reason'), [false, false]);
});

test('one pool for everything has trust 0; of two the one for main takes main alone', () => {
  const trusts = (main: string, other: string) =>
    firstPools({ main, other, reuse: null }).map(({ name, trust, everyone }) => ({
      name,
      trust,
      everyone,
    }));
  assert.deepEqual(trusts('default', 'default'), [{ name: 'default', trust: 0, everyone: true }]);
  assert.deepEqual(trusts('main', 'other'), [
    { name: 'main', trust: 3, everyone: false },
    { name: 'other', trust: 0, everyone: true },
  ]);
});
