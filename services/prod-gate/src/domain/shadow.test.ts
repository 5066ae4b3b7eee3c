/** Rules on trial are judged by the function that decides, and change nothing that it says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { good } from './verdict.fixture.ts';
import { shadowDifference } from './shadow.ts';
import { evaluatePromotion, type PromotionFacts, type ShadowFacts } from './verdict.ts';

const same: ShadowFacts = {
  windowClosed: null,
  unmappedEditors: [],
  approvals: good.approvals,
  expiresAt: good.promotion.expiresAt,
  policyDigest: 'e'.repeat(64),
};
const lacking = { ...good.approvals, have: 2, need: 3 };
const differ = (facts: Partial<PromotionFacts>, shadow: Partial<ShadowFacts>) =>
  shadowDifference({ ...good, ...facts, shadow: { ...same, ...shadow } });

test('rules on trial that say the same are no difference, and neither is their absence', () => {
  assert.equal(differ({}, {}), null);
  assert.equal(shadowDifference(good), null);
  assert.equal(differ({ approvals: lacking }, { approvals: lacking }), null);
});

test('what may start and would not is told with every reason of the rules on trial', () => {
  const closed = { denied: 'year-end', opensAt: null };
  const found = differ({}, { approvals: lacking, windowClosed: closed });
  assert.equal(found?.outcome, 'would-hold');
  assert.equal(found.policyDigest, same.policyDigest);
  assert.equal(found.reasons.length, 2);
  assert.match(found.reasons.join(' '), /year-end/);
  assert.equal(differ({}, { expiresAt: good.now })?.outcome, 'would-hold');
  assert.equal(differ({}, { unmappedEditors: ['key'] })?.outcome, 'would-hold');
});

test('what is held and would start is told with what holds it', () => {
  const found = differ({ approvals: lacking }, {});
  assert.equal(found?.outcome, 'would-pass');
  assert.equal(found.reasons.length, 1);
});

test('what both hold is no difference, whatever either says of it', () => {
  assert.equal(differ({ rejectedBy: 'Mira' }, { approvals: lacking }), null);
});

test('rules on trial never change a verdict', () => {
  for (const shadow of [{}, { approvals: lacking }, { expiresAt: new Date(0) }]) {
    const facts = { ...good, shadow: { ...same, ...shadow } };
    assert.deepEqual(evaluatePromotion(facts), evaluatePromotion(good));
    const held = { ...good, approvals: lacking };
    assert.deepEqual(evaluatePromotion({ ...facts, approvals: lacking }), evaluatePromotion(held));
  }
});
