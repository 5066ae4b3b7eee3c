import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestDeliverySeconds } from './delivery-time.ts';

const hook = `hook@sha256:${'a'.repeat(64)}`;
const verify = { hook, for: 300, every: 20, failures: 2, params: {} };
const back = { to: 'previous', auto: 'onVerifyFailed' } as const;
const waves = [1, '50%', '100%'];

const cases: [claim: string, given: Parameters<typeof longestDeliverySeconds>[0], number][] = [
  ['one hook and the margin', { deliver: { timeout: 60 } }, 90],
  ['every wave', { deliver: { timeout: 60, waves } }, 210],
  ['the pauses between waves', { deliver: { timeout: 60, waves, pause: 100 } }, 410],
  ['a verification whose last looks fail', { deliver: { timeout: 60 }, verify }, 450],
  ['the return', { deliver: { timeout: 60 }, verify, rollback: back }, 510],
  ['no return by hand', { deliver: { timeout: 60 }, rollback: { ...back, auto: 'never' } }, 90],
  [
    'pauses that are looked at until a look is well',
    { deliver: { timeout: 60, waves, pause: 100 }, verify },
    890,
  ],
];

for (const [claim, given, seconds] of cases) {
  test(`the longest delivery counts ${claim}`, () => {
    assert.equal(longestDeliverySeconds(given), seconds);
  });
}
