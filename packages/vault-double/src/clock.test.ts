import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createManualClock, createSkewedClock, createSteeredClock } from './clock.ts';

test('a steered clock runs by itself', async () => {
  const clock = createSteeredClock();
  const started = clock.now();
  let isDue = false;
  clock.at(started + 50, () => {
    isDue = true;
    return Promise.resolve();
  });
  await sleep(120);
  assert.ok(clock.now() >= started + 100);
  assert.equal(isDue, true);
});

test('moved on, it runs what became due, in order, at its own time, and nothing else', async () => {
  const clock = createSteeredClock();
  const started = clock.now();
  const ran: [string, number][] = [];
  const note = (name: string, after: number) =>
    clock.at(started + after, () => {
      ran.push([name, Math.round((clock.now() - started) / 1000)]);
      return Promise.resolve();
    });
  note('late', 90_000);
  note('second', 40_000);
  note('first', 20_000);
  const cancel = note('cancelled', 30_000);
  cancel();
  await clock.advance(60_000);
  assert.deepEqual(ran, [
    ['first', 20],
    ['second', 40],
  ]);
  assert.ok(clock.now() - started >= 60_000);
  await clock.advance(30_000);
  assert.deepEqual(ran.at(-1), ['late', 90]);
});

test('what waits becomes due by itself as much earlier as was skipped', async () => {
  const clock = createSteeredClock();
  let isDue = false;
  clock.at(clock.now() + 10_050, () => {
    isDue = true;
    return Promise.resolve();
  });
  await clock.advance(10_000);
  assert.equal(isDue, false);
  await sleep(150);
  assert.equal(isDue, true);
});

test('a skewed clock shows another time of day, and what waits still lasts as long', async () => {
  const passing = createManualClock(1_000_000);
  let skew = 0;
  const clock = createSkewedClock(passing, () => skew);
  let isDue = false;
  skew = 600_000;
  assert.equal(clock.now(), 1_600_000);
  clock.at(clock.now() + 5000, () => {
    isDue = true;
    return Promise.resolve();
  });
  await passing.advance(4999);
  assert.equal(isDue, false);
  await passing.advance(1);
  assert.equal(isDue, true);
});
