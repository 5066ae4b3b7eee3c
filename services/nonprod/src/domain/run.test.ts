import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFinished, mayBecome, predecessorsOf, runStates } from './run.ts';

test('a finished run stays as it is', () => {
  for (const from of runStates.filter(isFinished)) {
    for (const to of runStates) assert.equal(mayBecome(from, to), false, `${from} → ${to}`);
  }
  assert.deepEqual(runStates.filter(isFinished), ['passed', 'failed', 'cancelled']);
});

test('only a running run passes, and a held one never starts by itself', () => {
  assert.deepEqual(predecessorsOf('passed'), ['running']);
  assert.deepEqual(predecessorsOf('running'), ['queued']);
  assert.deepEqual(predecessorsOf('queued'), ['running', 'held']);
});
