/** What is delivered is what was built: the gate hashes every byte that it takes, wherever it comes from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleOf, sha256 } from '@airlock/cli/drills/forgery';
import type { Pair } from '@airlock/demo/pair';
import { attackerOn, type Attacker, type Judgement } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { withLyingOutbox } from '../support/lying-outbox.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';

const swapped = Buffer.from('not what was built');

interface Scene {
  readonly pair: Pair;
  readonly attacker: Attacker;
  readonly built: Buffer;
  readonly bundle: Buffer;
}

/** A bundle of main's head that the gate would admit, not yet offered; `built` differs from call to call. */
async function scene(built: string): Promise<Scene> {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const artifact = Buffer.from(built);
  const envelopes = await attacker.envelopes({
    commit: await gitIn(pair, 'rev-parse', 'refs/heads/main'),
    artifact,
  });
  return { pair, attacker, built: artifact, bundle: bundleOf(envelopes) };
}

function assertRefused(judgement: Judgement, code: string): void {
  assert.equal(judgement.outcome, 'refused');
  assert.equal(judgement.code, code, judgement.detail ?? '');
}

test('an item that names another artifact than the provenance is refused: E_ARTIFACT_DIGEST', async () => {
  const { pair, attacker, bundle } = await scene('named otherwise');
  const judgement = await withoutDelivery(pair, () =>
    attacker.offer({ bundle, artifact: swapped }),
  );
  assertRefused(judgement, 'E_ARTIFACT_DIGEST');
});

test('other bytes under the right digest are refused: E_ARTIFACT_DIGEST', async () => {
  const { pair, attacker, bundle, built } = await scene('served otherwise');
  const judgement = await withoutDelivery(pair, () =>
    withLyingOutbox(pair, attacker, new Map([[sha256(built), swapped]]), () =>
      attacker.offer({ bundle, artifact: built }),
    ),
  );
  assertRefused(judgement, 'E_ARTIFACT_DIGEST');
});

test('another bundle under the right digest is refused: E_BUNDLE_DIGEST', async () => {
  const { pair, attacker, bundle, built } = await scene('bundled otherwise');
  const other = await scene('another bundle');
  const judgement = await withoutDelivery(pair, () =>
    withLyingOutbox(pair, attacker, new Map([[sha256(bundle), other.bundle]]), () =>
      attacker.offer({ bundle, artifact: built }),
    ),
  );
  assertRefused(judgement, 'E_BUNDLE_DIGEST');
});

test('an artifact swapped in nonprod’s store is refused, and later items are still judged', async () => {
  const { pair, attacker, bundle, built } = await scene('swapped on disk');
  const next = await scene('the next item');
  await withoutDelivery(pair, async () => {
    // Nothing is taken until the swap is done.
    await pair.process('gate-intake').stop();
    const seq = await attacker.publish({ bundle, artifact: built });
    attacker.writeBlob(sha256(built), swapped);
    const later = await attacker.publish({ bundle: next.bundle, artifact: swapped });
    await pair.start('gate-intake');
    assertRefused(await attacker.verdictOn(seq), 'E_ARTIFACT_DIGEST');
    assertRefused(await attacker.verdictOn(later), 'E_ARTIFACT_DIGEST');
  });
});

test('an artifact that nonprod does not have is refused: E_BLOB_MISSING', async () => {
  const { pair, attacker, bundle, built } = await scene('not kept');
  await withoutDelivery(pair, async () => {
    const judgement = await attacker.offer({
      bundle,
      artifact: swapped,
      artifactDigest: sha256(built),
    });
    assertRefused(judgement, 'E_BLOB_MISSING');
  });
});
