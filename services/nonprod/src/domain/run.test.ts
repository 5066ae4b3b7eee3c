import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFinished, mayBecome, predecessorsOf, runStates } from './run.ts';

test('a finished run stays as it is', () => {
  for (const from of runStates.filter(isFinished)) {
    for (const to of runStates) assert.equal(mayBecome(from, to), false, `${from} → ${to}`);
  }
  assert.deepEqual(runStates.filter(isFinished), ['passed', 'failed', 'cancelled']);
});

test('a held run neither passes nor starts by itself, and one of which nothing is left to make passes unstarted', () => {
  assert.deepEqual(predecessorsOf('passed'), ['queued', 'running']);
  assert.deepEqual(predecessorsOf('running'), ['queued']);
  assert.deepEqual(predecessorsOf('queued'), ['running', 'held']);
});
