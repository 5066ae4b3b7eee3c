import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import type { Pool } from '../../domain/pool.ts';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { repository } from '../../testing/fixtures.ts';
import { createHeadStore } from './head-store.ts';
import { createPlacementStore, createPoolStore } from './pool-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
  await createHeadStore(database.as('nonprod_scheduler')).ensureRepository(repository);
});
after(() => database.close());

const pool = (name: string, change: Partial<Pool> = {}): Pool => ({
  name,
  trust: 2,
  isolation: 'bubblewrap',
  once: false,
  reuse: null,
  images: [{ glob: 'node:*', digest: `sha256:${'a'.repeat(64)}`, plugin: false }],
  labels: { gpu: 'a100' },
  everyone: false,
  repositories: [repository.name],
  concurrency: 4,
  egress: 'npm',
  ...change,
});
const stores = () => ({
  pools: createPoolStore(database.as('nonprod_web')),
  placement: createPlacementStore(database.as('nonprod_scheduler')),
});

test('a pool comes back as it was saved, and the scheduler places by it', async () => {
  const { pools, placement } = stores();
  assert.deepEqual(await pools.save(pool('kept'), 0, 'pat'), { kind: 'saved', version: 1 });
  assert.deepEqual((await pools.find('kept'))?.pool, pool('kept'));
  assert.deepEqual(
    (await placement.pools()).find(({ name }) => name === 'kept'),
    pool('kept'),
  );
});

test('of two changes made from one version the second is told; every change is kept with its author', async () => {
  const { pools } = stores();
  await pools.save(pool('twice'), 0, 'pat');
  const changed = pool('twice', { repositories: [], concurrency: null });
  assert.deepEqual(await pools.save(changed, 1, 'pat'), { kind: 'saved', version: 2 });
  assert.deepEqual(await pools.save(pool('twice', { trust: 3 }), 1, 'max'), { kind: 'changed' });
  assert.deepEqual(await pools.save(pool('twice'), 0, 'max'), { kind: 'changed' });
  assert.deepEqual((await pools.find('twice'))?.pool, changed);
  assert.deepEqual(
    (await pools.changes('twice')).map(({ version, changedBy }) => [version, changedBy]),
    [
      [2, 'pat'],
      [1, 'pat'],
    ],
  );
});

test('a grant to a repository that is not here changes nothing', async () => {
  const { pools } = stores();
  const answer = await pools.save(pool('typo', { repositories: ['shop/wbe'] }), 0, 'pat');
  assert.deepEqual(answer, { kind: 'repository-unknown', repository: 'shop/wbe' });
  assert.equal(await pools.find('typo'), null);
});

test('pools of the configuration are begun once and never put back as they were', async () => {
  const { pools, placement } = stores();
  await placement.begin([pool('begun', { repositories: [] })], repository.name);
  assert.deepEqual((await pools.find('begun'))?.pool.repositories, [repository.name]);
  await pools.save(pool('begun', { repositories: [], trust: 1 }), 1, 'pat');
  await placement.begin([pool('begun', { repositories: [] })], repository.name);
  assert.deepEqual(
    (await pools.find('begun'))?.pool,
    pool('begun', { repositories: [], trust: 1 }),
  );
});

test('the scheduler cannot change a pool, and nobody what was changed when', async () => {
  await assert.rejects(
    database.as('nonprod_scheduler').pool.updateMany({ data: { trust: 3 } }),
    /denied/,
  );
  await assert.rejects(
    database.as('nonprod_web').poolChange.updateMany({ data: { changedBy: 'nobody' } }),
    /denied/,
  );
});

test('the database itself keeps a pool of trust from being open to all or without isolation', async () => {
  const { pools } = stores();
  await assert.rejects(pools.save(pool('open', { everyone: true }), 0, 'pat'), /constraint/);
  await assert.rejects(
    pools.save(pool('bare', { isolation: 'none', images: [] }), 0, 'pat'),
    /constraint/,
  );
});
