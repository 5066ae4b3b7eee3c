import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { testRedisUrl } from '@airlock/testkit/stack';
import { freePort } from '@airlock/testkit/ports';
import { createDoorbell, type DoorbellLog } from './doorbell.ts';

const quiet: DoorbellLog = { warn() {}, info() {} };

test('a ring reaches the listener with its id', async () => {
  const bell = createDoorbell({ name: `bell-${process.pid}`, redisUrl: await testRedisUrl(), log: quiet });
  const heard = new Promise<string>((resolve) => {
    bell.listen((id) => {
      resolve(id);
      return Promise.resolve();
    });
  });
  bell.ring('prm_0123456789');
  assert.equal(await heard, 'prm_0123456789');
  await bell.close();
});

test('a handler that fails is not called again for the same ring', async () => {
  const warnings: string[] = [];
  const bell = createDoorbell({
    name: `failing-${process.pid}`,
    redisUrl: await testRedisUrl(),
    log: { ...quiet, warn: (event) => warnings.push(event) },
  });
  let calls = 0;
  bell.listen(() => {
    calls += 1;
    return Promise.reject(new Error('no'));
  });
  bell.ring('x');
  await delay(700);
  assert.equal(calls, 1);
  assert.deepEqual(warnings, ['doorbell.handler-failed']);
  await bell.close();
});

test('without Redis a ring throws nothing, holds nobody up and is said once', async () => {
  const warnings: string[] = [];
  const bell = createDoorbell({
    name: 'nobody',
    redisUrl: `redis://127.0.0.1:${await freePort()}`,
    log: { ...quiet, warn: (event) => warnings.push(event) },
  });
  const started = performance.now();
  for (let ring = 0; ring < 5; ring += 1) bell.ring('x');
  assert.ok(performance.now() - started < 100);
  await delay(800);
  assert.deepEqual(warnings, ['doorbell.away']);
  await bell.close();
});

test('with no Redis configured it is silent', async () => {
  const bell = createDoorbell({ name: 'none', redisUrl: null, log: quiet });
  bell.listen(() => Promise.reject(new Error('never called')));
  bell.ring('x');
  await bell.close();
});
