import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredRunners, runnersToStart } from './pool-size.ts';

const bounds = { minimum: 1, maximum: 10, spare: 0 };

test('a pool wants one runner for each job and its spare ones, between minimum and maximum', () => {
  const desired = (waiting: number, running: number, change = {}) =>
    desiredRunners({ waiting, running }, { ...bounds, ...change });
  assert.equal(desired(0, 0), 1);
  assert.equal(desired(4, 2), 6);
  assert.equal(desired(4, 2, { spare: 3 }), 9);
  assert.equal(desired(500, 2, { spare: 3 }), 10);
  assert.equal(desired(0, 0, { minimum: 0 }), 0);
  assert.equal(desired(7, 0, { minimum: 3, maximum: 3 }), 3);
});

test('between its bounds the wanted number follows the queue, which Vespene’s formula never does', () => {
  const vespene = (n: number) => Math.min(Math.max(n, bounds.maximum), bounds.minimum);
  assert.deepEqual([2, 5, 9].map(vespene), [1, 1, 1]);
  assert.deepEqual(
    [2, 5, 9].map((waiting) => desiredRunners({ waiting, running: 0 }, bounds)),
    [2, 5, 9],
  );
});

test('those that are there or on their way are not started again, and too many start none', () => {
  const start = (present: number, starting: number) =>
    runnersToStart({ waiting: 5, running: 1, present, starting }, bounds);
  assert.equal(start(0, 0), 6);
  assert.equal(start(2, 3), 1);
  assert.equal(start(2, 4), 0);
  assert.equal(start(9, 9), 0);
});
