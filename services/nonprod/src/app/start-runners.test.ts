import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolLoad } from '../domain/pool-size.ts';
import { createStartRunners, type ExecutorOrder } from './start-runners.ts';

/** A pool whose queue the test moves, and an executor that can be out of order. */
function scene(change: { readonly atOnce?: number; readonly maximum?: number } = {}) {
  const state = {
    load: { waiting: 0, running: 0, present: 0, starting: 0 },
    now: new Date('2026-11-23T10:00:00Z'),
    fails: false,
    made: 0,
    orders: [] as ExecutorOrder[],
    started: [] as number[],
  };
  const look = createStartRunners(
    {
      load: (): Promise<PoolLoad> => Promise.resolve({ ...state.load }),
      newToken() {
        state.made += 1;
        state.load.starting += 1;
        const expiresAt = new Date(state.now.getTime() + 15 * 60_000);
        return Promise.resolve({ token: `t${state.made}`, expiresAt });
      },
      execute(order) {
        state.orders.push(order);
        return state.fails ? Promise.reject(new Error('no room')) : Promise.resolve();
      },
      clock: () => state.now,
      onStarted: (_pool, count) => state.started.push(count),
    },
    {
      ...{ pool: 'cloud', size: 'large', url: 'https://ci.example:26086' },
      ...{ minimum: 0, maximum: 10, spare: 0, atOnce: 10, ...change },
    },
  );
  return { state, look };
}

test('what waits is started once, some at a time, up to the maximum, and an empty queue starts nothing', async () => {
  const { state, look } = scene({ atOnce: 4, maximum: 9 });
  await look();
  assert.deepEqual([state.orders, state.made], [[], 0]);
  state.load.waiting = 500;
  for (let count = 0; count < 5; count += 1) await look();
  assert.deepEqual(state.started, [4, 4, 1]);
  assert.deepEqual(state.orders[0], {
    ...{ pool: 'cloud', wanted: 9, size: 'large', url: 'https://ci.example:26086' },
    tokens: ['t1', 't2', 't3', 't4'],
  });
});

test('a command that fails is called again with the same tokens, and makes no more of them', async () => {
  const { state, look } = scene();
  Object.assign(state.load, { waiting: 3 });
  state.fails = true;
  for (let count = 0; count < 4; count += 1) await assert.rejects(look(), /no room/);
  state.fails = false;
  await look();
  await look();
  assert.deepEqual([state.made, state.started], [3, [3]]);
  assert.ok(state.orders.every(({ tokens }) => tokens.join() === 't1,t2,t3'));
});

test('tokens that were left over are not handed out past their end, nor when the queue is gone', async () => {
  const { state, look } = scene();
  state.load.waiting = 2;
  state.fails = true;
  await assert.rejects(look());
  state.load.waiting = 0;
  await look();
  assert.equal(state.orders.length, 1);

  state.load.waiting = 2;
  state.load.starting = 0;
  await assert.rejects(look());
  state.now = new Date('2026-11-23T10:15:00Z');
  state.load.starting = 0;
  await assert.rejects(look());
  assert.deepEqual(state.orders.at(-1)?.tokens, ['t5', 't6']);
});
