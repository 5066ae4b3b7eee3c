import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachInTurn } from './each-in-turn.ts';

test('an item that fails holds up none behind it, and its fault is told when the pass is through', async () => {
  const done: number[] = [];
  await assert.rejects(
    eachInTurn([1, 2, 3, 4], (item) => {
      if (item % 2 === 1) return Promise.reject(new Error(`item ${item}`));
      done.push(item);
      return Promise.resolve();
    }),
    /item 1/,
  );
  assert.deepEqual(done, [2, 4]);
});

test('a pass without a fault throws nothing', async () => {
  await eachInTurn(new Set(['a']), () => Promise.resolve());
});
