import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { createDeliveryStore } from './delivery-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const store = () => createDeliveryStore(database.poolOf('nonprod_web'));
const push = (id: string, repository: string | null = null) => ({
  ...{ provider: 'github' as const, repository, id, event: 'push', relayed: false },
  body: Buffer.from(`{"push":"${id}"}`),
});

test('what comes together is written in a few statements, and each hears of its own', async () => {
  const deliveries = store();
  await deliveries.take(push('before'));
  const given = [...Array.from({ length: 100 }, (_, n) => `n${n}`), 'n0', 'before', 'n99'];
  const taken = await Promise.all(given.map((id) => deliveries.take(push(id))));
  assert.deepEqual(taken, [...Array.from({ length: 100 }, () => true), false, false, false]);
  const rows = await database.as('owner').$queryRaw<{ rows: number; writes: number }[]>`
    select count(*)::int as rows, count(distinct received_at)::int as writes from webhook_delivery`;
  // One by itself, the first of those that came together, and the others by sixteen.
  assert.deepEqual(rows, [{ rows: 101, writes: 9 }]);
});

test('one that cannot be written is refused alone', async () => {
  const deliveries = store();
  const taken = await Promise.allSettled([
    deliveries.take(push('first')),
    deliveries.take(push('good')),
    deliveries.take(push('bad', 'no/such')),
    deliveries.take(push('better')),
  ]);
  assert.deepEqual(
    taken.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason))),
    [
      true,
      true,
      'error: insert or update on table "webhook_delivery" violates foreign key constraint "webhook_delivery_repository_fkey"',
      true,
    ],
  );
});
