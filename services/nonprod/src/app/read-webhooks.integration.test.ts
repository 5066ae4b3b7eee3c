import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { testPostgres } from '@airlock/testkit/stack';
import { createDeliveryHistory } from '../adapters/postgres/delivery-history.ts';
import { createDeliveryQueue, createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import {
  createRepositoryKeeping,
  createRepositoryStore,
} from '../adapters/postgres/repository-store.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { createReadWebhooks } from './read-webhooks.ts';

const name = 'shop/hooks';
const url = `https://git.example/${name}.git`;
const repository = { full_name: name, clone_url: url };

let database: TestDatabase;
let pool: DatabasePool;
before(async () => {
  database = await testDatabase(await testPostgres());
  pool = openPool(database.connectionOf('nonprod_web'));
  await createRepositoryStore(database.as('nonprod_web')).add(
    name,
    {
      ...{ url, cloneUrl: url, provider: 'github', mainBranch: 'main' },
      ...{ protectedRefs: [], branches: [], buildLatest: false },
    },
    'oke@demo.example',
  );
});
after(async () => {
  await pool.end();
  await database.close();
});

async function take(event: string, payload: object, id: string = randomUUID()): Promise<boolean> {
  return await createDeliveryStore(pool).take({
    ...{ provider: 'github', repository: name, id, event, relayed: false },
    body: Buffer.from(JSON.stringify({ repository, ...payload })),
  });
}
/** Well-formed by every rule of ours, and its number has no room in the column. */
const unsettled = (title: string) => ({
  action: 'opened',
  pull_request: {
    ...{ number: 3_000_000_000, title, state: 'open', updated_at: new Date().toISOString() },
    ...{ user: null, head: { ref: 'feature', sha: 'a'.repeat(40) } },
    base: { ref: 'main', repo: { id: 1 } },
  },
});
const push = () => ({ ref: 'refs/heads/main', nonce: randomUUID() });

const failed: { readonly attempts: number; readonly givenUp: boolean }[] = [];
/** @param onSettled called when deliveries are settled. @param together called before those that bring only a verdict are. */
async function readAll(
  onSettled: (news: string[]) => void = () => undefined,
  together: () => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const news: string[] = [];
  const db = database.as('nonprod_scheduler');
  const queue = createDeliveryQueue(db, database.poolOf('nonprod_scheduler'));
  await createReadWebhooks({
    deliveries: {
      ...queue,
      async settle(delivery, verdict) {
        await queue.settle(delivery, verdict);
        onSettled([...news]);
      },
      async settlePlain(judged) {
        await together();
        await queue.settlePlain(judged);
        onSettled([...news]);
      },
    },
    repositories: createRepositoryKeeping(db),
    events: {
      webhookRead() {},
      webhookFailed: (_delivery, tried) => failed.push(tried),
    },
    newId,
    onNews: (each) => news.push(each),
  })();
  return news;
}
async function shown(id: string) {
  const all = await createDeliveryHistory(database.as('nonprod_web')).deliveries(100);
  return all.find((each) => each.deliveryId === id) ?? assert.fail(`no delivery ${id}`);
}

test('a delivery that cannot be settled keeps none behind it waiting, not in its batch and not in the next', async () => {
  const bad = randomUUID();
  assert.ok(await take('pull_request', unsettled('one'), bad));
  const good = randomUUID();
  assert.ok(await take('push', push(), good));
  assert.deepEqual(await readAll(), [name]);
  assert.equal((await shown(good)).state, 'handled');
  const { state, reason } = await shown(bad);
  assert.equal(state, 'waiting');
  assert.match(reason ?? '', /^failed: tried 1 times; /);
  const later = randomUUID();
  assert.ok(await take('push', push(), later));
  await readAll();
  assert.equal((await shown(later)).state, 'handled');
});

test('after the eighth try it is given up, shown with its reason, and may be sent again', async () => {
  const id = randomUUID();
  const payload = unsettled('two');
  assert.ok(await take('pull_request', payload, id));
  failed.length = 0;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await readAll();
    await database.as('owner').$executeRaw`
      update webhook_delivery set next_at = null where delivery_id = ${id}`;
  }
  assert.deepEqual(failed.at(-1), { attempts: 8, givenUp: true });
  assert.equal(failed.filter(({ givenUp }) => givenUp).length, 1);
  const { state, reason } = await shown(id);
  assert.equal(state, 'given-up');
  assert.match(reason ?? '', /^given-up: tried 8 times; .*Send it again from the forge\.$/s);
  assert.ok(await take('pull_request', payload, id), 'the same id and the same bytes');
  assert.ok(!(await take('pull_request', payload, id)), 'once');
});

test('deliveries that bring nothing but a verdict are settled in one go, each with its own', async () => {
  const ids = [randomUUID(), randomUUID(), randomUUID(), randomUUID()] as const;
  const [ping, first, second, strange] = ids;
  assert.ok(await take('ping', {}, ping));
  assert.ok(await take('push', push(), first));
  assert.ok(await take('push', push(), second));
  assert.ok(await take('never-heard-of', push(), strange));
  let times = 0;
  assert.deepEqual(await readAll(() => (times += 1)), [name]);
  assert.equal(times, 1);
  const all = await Promise.all(ids.map(shown));
  assert.deepEqual(
    all.map(({ state }) => state),
    ['handled', 'handled', 'handled', 'refused'],
  );
  assert.equal(all[0]?.reason, 'ping');
  assert.equal(all[1]?.reason, null);
});

test('where they cannot be settled in one go each is settled by itself', async () => {
  const id = randomUUID();
  assert.ok(await take('push', push(), id));
  await readAll(undefined, () => Promise.reject(new Error('not together')));
  assert.equal((await shown(id)).state, 'handled');
});

test('a push is looked at before it is settled, a pull request once what it says is written down', async () => {
  const told: string[][] = [];
  assert.ok(await take('push', push(), randomUUID()));
  assert.deepEqual(await readAll((news) => told.push(news)), [name]);
  assert.deepEqual(told, [[name]]);
  told.length = 0;
  const opened = {
    ...unsettled('three'),
    pull_request: { ...unsettled('three').pull_request, number: 7 },
  };
  assert.ok(await take('pull_request', opened, randomUUID()));
  assert.deepEqual(await readAll((news) => told.push(news)), [name]);
  assert.deepEqual(told, [[]]);
});
