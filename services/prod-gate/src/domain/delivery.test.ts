import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  crashStates,
  stageCrashStates,
  deliverySteps,
  hookLimitSeconds,
  interruptedOutcome,
  mayFollow,
  recordedOutcome,
  sessionMayMove,
  verifications,
  waveOutcome,
  type DeliveryOutcome,
  type HookRecord,
  type Verification,
  type DeliveryStep,
  type SessionState,
} from './delivery.ts';

const at = new Date('2026-11-22T10:00:00Z');

test('steps go forward one at a time, or to revocation, and never back', () => {
  const legal = deliverySteps.flatMap((from) =>
    deliverySteps.filter((to) => mayFollow(from, to)).map((to) => `${from}>${to}`),
  );
  assert.deepEqual(legal, [
    'intent>session',
    'intent>revoke',
    'intent>finished',
    'session>credential',
    'session>revoke',
    'credential>hook',
    'credential>revoke',
    'hook>revoke',
    'revoke>finished',
  ]);
});

test('no step that may hold a credential ends without revocation', () => {
  const holding: DeliveryStep[] = ['session', 'credential', 'hook'];
  for (const step of holding) assert.equal(mayFollow(step, 'finished'), false, step);
});

test('a session becomes clean only through revocation, and clean is final', () => {
  const states: SessionState[] = [
    'INTENT',
    'TOKEN',
    'LEASED',
    'REVOKING',
    'REVOKE_PENDING',
    'CLEAN',
  ];
  const before = states.filter((from) => sessionMayMove(from, 'CLEAN'));
  assert.deepEqual(before, ['REVOKING', 'REVOKE_PENDING']);
  assert.deepEqual(
    states.filter((to) => sessionMayMove('CLEAN', to)),
    [],
  );
  assert.equal(sessionMayMove('INTENT', 'LEASED'), false);
  assert.equal(sessionMayMove('LEASED', 'LEASED'), true, 'a second credential');
});

test('an interruption before the hook left production unchanged', () => {
  const outcome = interruptedOutcome({
    startedAt: null,
    finishedAt: null,
    exit: null,
    verification: null,
  });
  assert.equal(outcome.state, 'failed');
  assert.match(outcome.reason, /production unchanged/);
});

test('an interruption during the hook is never called failed or done', () => {
  const outcome = interruptedOutcome({
    startedAt: at,
    finishedAt: null,
    exit: null,
    verification: null,
  });
  assert.equal(outcome.state, 'indeterminate');
});

const ended = (exit: number | null, verification: Verification | null): DeliveryOutcome =>
  interruptedOutcome({ startedAt: at, finishedAt: at, exit, verification });

test('a release is called done after an interruption only when no verification was due any more', () => {
  const states = [null, ...verifications].map((verification) => ended(0, verification).state);
  assert.deepEqual(states, ['succeeded', 'indeterminate', 'succeeded', 'indeterminate', 'failed']);
  assert.match(ended(0, 'returned').reason ?? '', /live before was put back/);
  assert.equal(ended(1, 'due').state, 'failed', 'the hook itself had failed');
});

test('a wave after the first that fails says that two releases run', () => {
  const second = { number: 2, of: 3, share: '50%' };
  assert.deepEqual(waveOutcome({ ...second, number: 1 }, 1), recordedOutcome(1));
  assert.deepEqual(waveOutcome(second, 75), {
    state: 'failed',
    reason:
      'wave 2 of 3 (50%) failed (exit 75); wave 1 has this release, so that two run in production',
  });
  assert.equal(waveOutcome({ ...second, number: 3 }, null).state, 'indeterminate');
});

test('an interruption after the recorded end of the hook keeps the true outcome', () => {
  assert.equal(ended(0, null).state, 'succeeded');
  assert.equal(ended(1, null).state, 'failed');
  assert.equal(ended(null, null).state, 'indeterminate');
});

test('exit 75 is a failure that says what to do', () => {
  const outcome = recordedOutcome(75);
  assert.equal(outcome.state, 'failed');
  assert.match(outcome.reason, /again later/);
});

test('the hook ends 30 s before the nearest of the token and every credential that ends', () => {
  const limit = (timeoutSeconds: number, tokenSeconds: number, ...credentialSeconds: number[]) =>
    hookLimitSeconds({ timeoutSeconds, tokenSeconds, credentialSeconds });
  assert.equal(limit(60, 600, 600), 60);
  assert.equal(limit(600, 600, 600), 570);
  assert.equal(limit(600, 600, 90), 60);
  assert.equal(limit(600, 600, 500, 90), 60);
  assert.equal(limit(600, 100), 70);
  assert.equal(limit(600, 31, 600), 1);
  assert.equal(limit(600, 30, 600), null);
});

test('there are fourteen places to die, and the outcome agrees with what is recorded there', () => {
  assert.equal(Object.keys(crashStates).length, 14);
  const places = Object.keys(crashStates);
  const hookRecorded = places.indexOf('hook-recorded');
  const hookFinished = places.indexOf('hook-finished');
  for (const [place, state] of Object.entries(crashStates)) {
    const position = places.indexOf(place);
    const outcome = interruptedOutcome({
      startedAt: position >= hookRecorded ? at : null,
      finishedAt: position >= hookFinished ? at : null,
      exit: position >= hookFinished ? 0 : null,
      verification: null,
    });
    assert.equal(outcome.state, state.end, place);
  }
});

test('the outcome of a death in a stage agrees with what is recorded there', () => {
  const started = { startedAt: at, finishedAt: null, exit: null, verification: null };
  const recorded = {
    'wave-told': started,
    'wave-paused': started,
    'verify-looked': { ...started, finishedAt: at, exit: 0, verification: 'due' },
    'verify-told': { ...started, finishedAt: at, exit: 0, verification: 'passed' },
    'return-told': { ...started, finishedAt: at, exit: 0, verification: 'failed' },
    'return-done': { ...started, finishedAt: at, exit: 0, verification: 'returned' },
  } as const satisfies Record<keyof typeof stageCrashStates, HookRecord>;
  for (const [place, { end }] of Object.entries(stageCrashStates)) {
    const record = Object.entries(recorded).find(([name]) => name === place)?.[1];
    assert.ok(record, place);
    assert.equal(interruptedOutcome(record).state, end, place);
  }
});
