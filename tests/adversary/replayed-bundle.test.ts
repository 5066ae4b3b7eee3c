/** What was admitted once is not admitted again, whatever became of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleOf } from '@airlock/cli/drills/forgery';
import type { Pair } from '@airlock/demo/pair';
import { attackerOn, type Attacker } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertWaits, discard } from '../support/promotion.ts';

async function forgedMain(pair: Pair, attacker: Attacker, artifact: Buffer): Promise<string[]> {
  const commit = await gitIn(pair, 'rev-parse', 'refs/heads/main');
  return attacker.envelopes({ commit, artifact });
}

test('with all four stolen keys a build of main is let in, waits for people, and only once: E_REPLAY', async () => {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const artifact = Buffer.from('signed by thieves');
  const bundle = bundleOf(await forgedMain(pair, attacker, artifact));

  await withoutDelivery(
    pair,
    async () => {
      const first = await attacker.offer({ bundle, artifact });
      assert.equal(first.outcome, 'admitted', first.detail ?? '');
      assert.ok(first.promotionId);
      await assertWaits(pair, first.promotionId, { code: 'E_APPROVALS_MISSING', have: 0 });

      const again = await attacker.offer({ bundle, artifact });
      assert.equal(again.outcome, 'refused');
      assert.equal(again.code, 'E_REPLAY', again.detail ?? '');

      await discard(pair, first.promotionId);
      const afterItsEnd = await attacker.offer({ bundle, artifact });
      assert.equal(afterItsEnd.code, 'E_REPLAY', afterItsEnd.detail ?? '');
    },
    3,
  );
});

test('the provenance of a waiting promotion under another request is refused: E_REPLAY', async () => {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const artifact = Buffer.from('asked for twice');
  const [provenance = '', tests = '', request = ''] = await forgedMain(pair, attacker, artifact);
  await withoutDelivery(pair, async () => {
    const first = await attacker.offer({
      bundle: bundleOf([provenance, tests, request]),
      artifact,
    });
    assert.equal(first.outcome, 'admitted', first.detail ?? '');
    // The same statements in another order are other bytes with the same provenance.
    const again = await attacker.offer({
      bundle: bundleOf([request, provenance, tests]),
      artifact,
    });
    assert.equal(again.code, 'E_REPLAY', again.detail ?? '');
    await discard(pair, first.promotionId ?? '');
  });
});

test('a bundle for another target than the one it was signed for is refused: E_TARGET', async () => {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const artifact = Buffer.from('for somewhere else');
  const bundle = bundleOf(await forgedMain(pair, attacker, artifact));
  const judgement = await withoutDelivery(pair, () =>
    attacker.offer({ bundle, artifact, claimedTarget: 'prod-us' }),
  );
  assert.equal(judgement.code, 'E_TARGET', judgement.detail ?? '');
});
