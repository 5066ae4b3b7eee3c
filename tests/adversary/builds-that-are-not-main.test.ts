/** With every signing key in hand: only a commit of main, as the gate's own mirror knows it, is let in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleOf, type Forgery } from '@airlock/cli/drills/forgery';
import type { Pair } from '@airlock/demo/pair';
import { attackerOn, type Attacker, type Judgement } from '../support/attacker.ts';
import { commitAside, gitIn, mergeIntoMain } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';

const artifact = Buffer.from('contraband');

async function forge(
  pair: Pair,
  forgery: (attacker: Attacker) => Promise<Omit<Forgery, 'artifact'>>,
): Promise<Judgement> {
  const attacker = await attackerOn(pair);
  const envelopes = await attacker.envelopes({ artifact, ...(await forgery(attacker)) });
  return withoutDelivery(pair, () => attacker.offer({ bundle: bundleOf(envelopes), artifact }));
}

function assertRefused(judgement: Judgement, code: string): void {
  assert.equal(judgement.outcome, 'refused');
  assert.equal(judgement.code, code, judgement.detail ?? '');
  assert.equal(judgement.promotionId, null);
  assert.ok(judgement.detail, 'a refusal says what was found');
}

test('a pull request that the PR builder signed is refused: E_BUILDER_ID', async () => {
  const pair = await runningPair();
  const ref = 'refs/pull/41/head';
  const judgement = await forge(pair, async ({ stolen }) => ({
    commit: await commitAside(pair, ref),
    ref,
    builder: 'pr',
    signer: stolen.pr,
  }));
  assertRefused(judgement, 'E_BUILDER_ID');
});

test('the PR builder that calls itself the main builder is refused: E_BUILDER_ID', async () => {
  const pair = await runningPair();
  const judgement = await forge(pair, async ({ stolen }) => ({
    commit: await commitAside(pair, 'refs/pull/42/head'),
    signer: stolen.pr,
  }));
  assertRefused(judgement, 'E_BUILDER_ID');
});

test('a pull request signed as main with the stolen main key is refused: E_GIT_UNKNOWN', async () => {
  const pair = await runningPair();
  const judgement = await forge(pair, async () => ({
    commit: await commitAside(pair, 'refs/pull/43/head'),
  }));
  assertRefused(judgement, 'E_GIT_UNKNOWN');
});

test('a branch signed as main with the stolen main key is refused: E_GIT_UNKNOWN', async () => {
  const pair = await runningPair();
  const judgement = await forge(pair, async () => ({
    commit: await commitAside(pair, 'refs/heads/feature'),
  }));
  assertRefused(judgement, 'E_GIT_UNKNOWN');
});

test('a branch that says so, signed with the stolen main key, is refused: E_REF', async () => {
  const pair = await runningPair();
  const ref = 'refs/heads/another-feature';
  const judgement = await forge(pair, async () => ({ commit: await commitAside(pair, ref), ref }));
  assertRefused(judgement, 'E_REF');
});

test('a commit that no repository has is refused: E_GIT_UNKNOWN', async () => {
  const pair = await runningPair();
  const judgement = await forge(pair, async () => ({
    commit: 'c0ffee'.padEnd(40, '0'),
    pipelineBlob: await gitIn(pair, 'rev-parse', 'refs/heads/main:.woodpecker.yaml'),
  }));
  assertRefused(judgement, 'E_GIT_UNKNOWN');
});

test('a commit that reached main inside a merge is refused: E_GIT_NOT_FIRST_PARENT', async () => {
  const pair = await runningPair();
  const side = await commitAside(pair, 'refs/heads/side');
  await mergeIntoMain(pair, side);
  const judgement = await forge(pair, () => Promise.resolve({ commit: side }));
  assertRefused(judgement, 'E_GIT_NOT_FIRST_PARENT');
});

test('a pipeline file other than the one at the commit is refused: E_PIPELINE_DIGEST', async () => {
  const pair = await runningPair();
  const judgement = await forge(pair, async () => ({
    commit: await gitIn(pair, 'rev-parse', 'refs/heads/main'),
    pipelineBlob: 'b'.repeat(40),
  }));
  assertRefused(judgement, 'E_PIPELINE_DIGEST');
});
