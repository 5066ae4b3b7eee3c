import { hookKinds } from '@airlock/common/hook/kind';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeAnswer, repeatIsDue } from './repeat.ts';

const at = new Date('2026-11-22T10:00:00Z');
const inTheHook = {
  ...{ startedAt: at, finishedAt: null, exit: null, verification: null, isRepeat: false },
  kind: 'idempotent' as const,
};

test('what was interrupted in its hook is made once more where the hook is idempotent or can be asked', () => {
  assert.deepEqual(
    hookKinds.filter((kind) => repeatIsDue({ ...inTheHook, kind })),
    ['idempotent', 'probing'],
  );
  assert.equal(repeatIsDue({ ...inTheHook, kind: null }), false);
  assert.equal(repeatIsDue({ ...inTheHook, verification: 'due' }), true);
});

test('nothing else is made once more: not before the hook, not after it, not a repeat, not what was not well', () => {
  assert.equal(repeatIsDue({ ...inTheHook, startedAt: null }), false);
  assert.equal(repeatIsDue({ ...inTheHook, finishedAt: at, exit: 0 }), false);
  assert.equal(repeatIsDue({ ...inTheHook, isRepeat: true }), false);
  for (const verification of ['passed', 'failed', 'returned'] as const) {
    assert.equal(repeatIsDue({ ...inTheHook, verification }), false, verification);
  }
});

test('a probe has answered only when it ended with 0 and said so in its result', () => {
  assert.equal(probeAnswer({ exit: 0, result: { state: 'done' } }), 'done');
  assert.equal(probeAnswer({ exit: 0, result: { state: 'not-done' } }), 'not-done');
  for (const end of [
    { exit: 0, result: null },
    { exit: 0, result: {} },
    { exit: 0, result: { state: true } },
    { exit: 0, result: { state: 'DONE' } },
    { exit: 1, result: { state: 'done' } },
    { exit: null, result: { state: 'not-done' } },
  ]) {
    assert.equal(probeAnswer(end), 'unknown', JSON.stringify(end));
  }
});
