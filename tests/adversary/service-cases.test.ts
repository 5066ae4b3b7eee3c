/**
 * Attacks on a delivery that everything about is genuine: an older release, a changed hook, two deliverers at once. Each is
 * refused with the code of its case, and production stays as it was.
 */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleOf } from '@airlock/cli/drills/forgery';
import { approveAs, lookAtProduction, until, waitForEnd } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { attackerOn } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertWaits, detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

/** The deliverer looks every second; what is not delivered in three is not delivered. */
const patience = 3;

test('two deliverers at once deliver an approved promotion once', async () => {
  const pair = await runningPair();
  const first = pair.process('gate-deliverer');
  // Approved while nobody delivers, so that both deliverers find it ready at once.
  await first.stop();
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  const before = await lookAtProduction(pair);
  const both = await Promise.all([pair.start('gate-deliverer'), pair.start('gate-deliverer')]);
  const { state, release } = await waitForEnd(pair, promotion);
  await Promise.all(both.map((each) => each.stop()));
  await pair.start('gate-deliverer');

  assert.equal(state, 'live');
  const after = await lookAtProduction(pair);
  assert.deepEqual(
    after.releases.filter((name) => !before.releases.includes(name)),
    [release],
  );
  const [count] = await pair.query<{ deliveries: string; intents: string; logins: string }>(
    'gate',
    `select (select count(*) from delivery where promotion_id = $1)::text as deliveries,
       (select count(*) from ledger_entry e join promotion p on p.id = $1
        where e.type = 'delivery.intent' and e.subject_digest = p.promotion_digest)::text as intents,
       (select count(*) from minted_login m join delivery d on d.id = m.delivery_id
        where d.promotion_id = $1)::text as logins`,
    [promotion],
  );
  assert.deepEqual(count, { deliveries: '1', intents: '1', logins: '1' });
});

test('a commit older than what is live is not taken in again: E_ROLLBACK', async () => {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const commit = await gitIn(pair, 'rev-parse', 'refs/heads/main');
  await deliver(pair, await waitingPromotion(pair));
  const artifact = Buffer.from('an old release');
  await withoutDelivery(pair, async () => {
    const judgement = await attacker.offer({
      bundle: bundleOf(await attacker.envelopes({ commit, artifact })),
      artifact,
    });
    assert.equal(judgement.code, 'E_ROLLBACK', judgement.detail ?? '');
  });
});

test('an older promotion that somebody with the database sets to waiting again is not delivered: E_ROLLBACK_UNAPPROVED', async () => {
  const pair = await runningPair();
  const older = await waitingPromotion(pair);
  await deliver(pair, await waitingPromotion(pair));
  assert.equal((await detailsOf(pair, older)).state, 'superseded');
  await withoutDelivery(
    pair,
    async () => {
      await pair.query('gate', `update promotion set state = 'waiting' where id = $1`, [older]);
      await until('the renewed document', 15, async () =>
        (await detailsOf(pair, older)).verdict.codes.includes('E_BASE_CHANGED') ? null : true,
      );
      await Promise.allSettled([approveAs(pair, 'leo', older), approveAs(pair, 'mira', older)]);
    },
    patience,
  );
  const { verdict } = await detailsOf(pair, older);
  assert.ok(verdict.codes.includes('E_ROLLBACK_UNAPPROVED'), verdict.codes.join(', '));
  await discard(pair, older);
});

test('a deploy hook changed on disk after the approvals is not run: E_HOOK_DIGEST', async () => {
  const pair = await runningPair();
  const hooks = join(pair.layout.gateConfig, 'hooks', 'load-release');
  const [file] = readdirSync(hooks).filter((name) => name.startsWith('run'));
  assert.ok(file, 'the hook has something to run');
  const path = join(hooks, file);
  const original = readFileSync(path);
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  try {
    await withoutDelivery(
      pair,
      async () => {
        appendFileSync(path, '\n');
        await Promise.allSettled([approveAs(pair, 'mira', promotion)]);
      },
      patience,
    );
    const { state, verdict } = await detailsOf(pair, promotion);
    assert.equal(state, 'waiting');
    assert.ok(verdict.codes.includes('E_HOOK_DIGEST'), verdict.codes.join(', '));
  } finally {
    writeFileSync(path, original);
  }
  // With the registered files back, the approvals that were given count as before.
  const { approvals } = await detailsOf(pair, promotion);
  if (approvals.have < approvals.need) {
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
    await approveAs(pair, 'mira', promotion);
  }
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
});

async function deliver(pair: Pair, promotion: string): Promise<void> {
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
}
