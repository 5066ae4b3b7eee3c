import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { Promotion } from '../domain/promotion.ts';
import { reminders } from './remind-deciders.ts';

const hour = 3600;
// The members that a reminder depends on.
const promotion = {
  ...{ id: 'prm_1', release: 'r1', target: 'eu', admittedAt: new Date(0) },
  expiresAt: new Date(24 * hour * 1000),
} as unknown as Promotion;
const plain = {} as unknown as TargetPolicy;
const strict = {
  notify: {
    ...{ channels: [], remindAfter: [hour], expiryNotice: 6 * hour },
    escalate: { after: 8 * hour, role: 'platform' },
  },
} as unknown as TargetPolicy;

const at = (hours: number, policy = plain) =>
  reminders(promotion, policy, { now: new Date(hours * hour * 1000), missing: 1 }).map(
    ({ id }) => id,
  );

test('by default after half an hour, after four hours, and two hours before the end', () => {
  assert.deepEqual(at(0.49), []);
  assert.deepEqual(at(0.5), ['prm_1:reminder:1800']);
  assert.deepEqual(at(21.9), ['prm_1:reminder:14400']);
  assert.deepEqual(at(22), ['prm_1:reminder:14400', 'prm_1:expires']);
});

test('after an outage only the latest reminder is told', () => {
  assert.deepEqual(at(5), ['prm_1:reminder:14400']);
});

test('the target file sets the times, and names who is told when nobody decides', () => {
  assert.deepEqual(at(7, strict), ['prm_1:reminder:3600']);
  assert.deepEqual(at(8, strict), ['prm_1:reminder:3600', 'prm_1:escalated']);
  assert.deepEqual(at(18, strict).at(-1), 'prm_1:expires');
});

test('what has expired is not said to expire', () => {
  assert.ok(!at(24).includes('prm_1:expires'));
});
