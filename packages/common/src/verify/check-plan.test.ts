/** What a provenance says of plan and runner, read by the chain and compared with what the gate found out by itself. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { createBundleWorld, type BundleChanges } from '../testing/bundle-world.ts';
import { checkPlan } from './check-plan.ts';
import { verifyPromotionBundle } from './verify-promotion-bundle.ts';

const world = createBundleWorld();
const planDigest = '5'.repeat(64);
const runnerImage = '6'.repeat(64);
const ran = { planDigest, runnerImage, planRederived: true };
const known = { planDigest, images: ['7'.repeat(64), runnerImage] };

function judged(changes: BundleChanges, against = known): string {
  const result = verifyPromotionBundle(world.input(world.bundle(changes)));
  if (!result.ok) return result.code;
  return checkPlan(result.bundle, against)?.code ?? 'OK';
}

/** The good provenance with its dependencies rewritten, signed again. */
const withText = (from: string, to: string): BundleChanges => ({
  build: { ran },
  provenanceBytes: (good) => {
    const text = good.toString('utf8');
    assert.ok(text.includes(from));
    return Buffer.from(text.replace(from, to));
  },
});
const planEntry = `{"uri":"plan:${world.build.pipeline}","digest":{"sha256":"${planDigest}"}}`;
const imageEntry = `{"uri":"oci:runner-image","digest":{"sha256":"${runnerImage}"}}`;

test('the plan of the commit on an allowed image passes', () => {
  assert.equal(judged({ build: { ran } }), 'OK');
});

test('another plan, no plan, another image and no image are each refused by their code', () => {
  assert.equal(
    judged({ build: { ran } }, { ...known, planDigest: '4'.repeat(64) }),
    'E_PLAN_DIGEST',
  );
  assert.equal(judged({}), 'E_PLAN_MISSING');
  assert.equal(judged(withText(`${planEntry},`, '')), 'E_PLAN_MISSING');
  assert.equal(judged({ build: { ran } }, { ...known, images: [] }), 'E_RUNNER_IMAGE');
  assert.equal(judged(withText(`,${imageEntry}`, '')), 'E_RUNNER_IMAGE');
});

test('one allowed image does not cover another that is not', () => {
  const other = imageEntry.replace(runnerImage, '8'.repeat(64));
  assert.equal(judged(withText(imageEntry, `${imageEntry},${other}`)), 'E_RUNNER_IMAGE');
  assert.equal(judged(withText(imageEntry, `${other},${imageEntry}`)), 'E_RUNNER_IMAGE');
});

test('a second plan, the plan of another file and a plan not named by sha256 alone are refused', () => {
  const forms = [
    `${planEntry},${planEntry}`,
    `${planEntry},${planEntry.replace('.woodpecker', '.other')}`,
    planEntry.replace('.woodpecker', '.other'),
    planEntry.replace('"sha256":', '"sha1":'),
    planEntry.replace('"digest":{', '"digest":{"gitBlob":"x",'),
    planEntry.replace(planDigest, 'A'.repeat(64)),
  ];
  for (const form of forms) assert.equal(judged(withText(planEntry, form)), 'E_PLAN_DIGEST', form);
});

test('an image not named by sha256 alone is refused', () => {
  for (const form of [
    imageEntry.replace('"sha256":', '"sha512":'),
    imageEntry.replace('"digest":{', '"digest":{"sha1":"x",'),
    imageEntry.replace(runnerImage, `sha256:${runnerImage}`),
  ]) {
    assert.equal(judged(withText(imageEntry, form)), 'E_RUNNER_IMAGE', form);
  }
});

test('provenance says when the signer took the plan from the runner unseen', () => {
  const claimed = { ...ran, planRederived: false };
  let text = '';
  world.bundle({
    build: { ran: claimed },
    provenanceBytes: (good) => {
      text = good.toString('utf8');
      return good;
    },
  });
  assert.ok(text.includes('"internalParameters":{"plan":"as the runner attests"}'));
});

test('which runner built is taken over as the builder says it, and a name that is none is refused', () => {
  const runnerOf = (changes: BundleChanges) => {
    const result = verifyPromotionBundle(world.input(world.bundle(changes)));
    return result.ok ? result.bundle.claimedRunner : result.code;
  };
  assert.equal(runnerOf({ build: { ran } }), null);
  assert.equal(runnerOf({ build: { ran: { ...ran, runner: 'r-7' } } }), 'r-7');
  assert.equal(runnerOf({ build: { ran: { ...ran, runner: '../r-7' } } }), 'E_PROVENANCE');
});
