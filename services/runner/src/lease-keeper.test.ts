import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlPlaneError } from './api/answers.ts';
import { keepLease } from './lease-keeper.ts';

test('a heartbeat is sent at each third of the lease', async () => {
  let beats = 0;
  const keeper = keepLease(0.15, () => {
    beats += 1;
    return Promise.resolve({ cancelled: false });
  });
  await sleep(340);
  keeper.stop();
  assert.ok(beats >= 4 && beats <= 7, `${beats} heartbeats`);
  assert.ok(!keeper.lost.aborted);
});

test('the lease is lost at once when the server says so', async () => {
  const keeper = keepLease(0.3, () =>
    Promise.reject(new ControlPlaneError('lease-lost', 'given to another')),
  );
  await sleep(150);
  assert.ok(keeper.lost.aborted);
});

test('a server that cannot be reached for less than a lease costs nothing, for longer it costs the lease', async () => {
  let reachable = true;
  const keeper = keepLease(0.3, () =>
    reachable
      ? Promise.resolve({ cancelled: false })
      : Promise.reject(new ControlPlaneError('control-plane-unreachable', 'no answer')),
  );
  await sleep(120);
  reachable = false;
  await sleep(150);
  assert.ok(!keeper.lost.aborted);
  reachable = true;
  await sleep(250);
  reachable = false;
  assert.ok(!keeper.lost.aborted);
  await sleep(600);
  assert.ok(keeper.lost.aborted);
});

test('a cancelled run is told, and the lease is kept until the job is reported', async () => {
  let beats = 0;
  const keeper = keepLease(0.15, () => {
    beats += 1;
    return Promise.resolve({ cancelled: beats > 1 });
  });
  await sleep(75);
  assert.ok(!keeper.cancelled.aborted);
  await sleep(175);
  keeper.stop();
  assert.ok(keeper.cancelled.aborted);
  assert.ok(!keeper.lost.aborted);
  assert.ok(beats > 2, `${beats} heartbeats`);
});

test('a lease that three does not divide is kept as well', async () => {
  const keeper = keepLease(0.2, () => Promise.resolve({ cancelled: false }));
  await sleep(450);
  keeper.stop();
  assert.ok(!keeper.lost.aborted);
});
