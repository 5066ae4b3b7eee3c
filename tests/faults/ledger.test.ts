/** The ledger of the running pair: what stops when nobody signs it, and what happens when its witness contradicts it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enrolPasskey } from '@airlock/cli/decisions';
import { ledgerSource } from '@airlock/cli/ledger-source';
import { approveAs, lookAtProduction, until, waitForEnd } from '@airlock/demo/flow';
import { cosignaturesOf, parseWitnessVkey } from '@airlock/common/ledger/cosignature';
import type { Pair } from '@airlock/demo/pair';
import { runningPair } from '../support/pair.ts';
import { assertWaits, detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

async function served(pair: Pair, path: string): Promise<string> {
  return (await ledgerSource(pair.gateOrigin)(path))?.toString('utf8') ?? '';
}

test('the checkpoint that the gate serves is cosigned by nonprod within seconds', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  const witness = parseWitnessVkey(pair.keys.witness.vkey);
  await until('a cosignature on the newest checkpoint', 15, async () => {
    const note = Buffer.from(await served(pair, 'checkpoint'));
    return note.length > 0 && cosignaturesOf(note, [witness]).length === 1 ? true : null;
  });
  const note = Buffer.from(await served(pair, 'checkpoint.witnessed'));
  assert.equal(cosignaturesOf(note, [witness])[0]?.witness, witness);
  const rows = await pair.query<{ size: string }>('nonprod', 'select size from witnessed_tree');
  assert.equal(rows.length, 1);
  await discard(pair, promotion);
});

test('D10: without a sequencer a delivery waits, then ends as E_LEDGER_UNAVAILABLE, and Vault was asked for nothing', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  const before = (await lookAtProduction(pair)).releases;
  await enrolPasskey(await pair.signIn('gate', 'mira'), pair.layout.passkeys);
  await until('everything said so far in the ledger', 10, async () => {
    const waiting = await pair.query('gate', 'select 1 from ledger_pending');
    return waiting.length === 0 ? true : null;
  });
  await pair.process('gate-watchdog').stop();
  try {
    // The approval counts at once, it is a passkey's signature; the delivery's intent is what the ledger must have.
    await approveAs(pair, 'mira', promotion);
    const { state } = await waitForEnd(pair, promotion);
    assert.equal(state, 'failed');
    const [delivery] = await pair.query<{ outcome_reason: string }>(
      'gate',
      'select outcome_reason from delivery where promotion_id = $1',
      [promotion],
    );
    assert.match(delivery?.outcome_reason ?? '', /E_LEDGER_UNAVAILABLE/);
    assert.deepEqual(
      await pair.query(
        'gate',
        'select 1 from vault_session s join delivery d on d.id = s.delivery_id where d.promotion_id = $1',
        [promotion],
      ),
      [],
    );
    assert.deepEqual(
      await pair.query(
        'gate',
        'select 1 from minted_login m join delivery d on d.id = m.delivery_id where d.promotion_id = $1',
        [promotion],
      ),
      [],
    );
    assert.deepEqual((await lookAtProduction(pair)).releases, before);
  } finally {
    await pair.start('gate-watchdog');
  }
});

test('D20: a ledger that its witness saw otherwise is not delivered from until a person lifts the freeze', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  // What a witness would hold if this gate had once shown it another tree.
  await pair.query('nonprod', 'alter table witnessed_tree disable trigger witnessed_tree_grows');
  const [kept] = await pair.query<{ root: Buffer }>('nonprod', 'select root from witnessed_tree');
  await pair.query('nonprod', `update witnessed_tree set root = sha256('another past')`);
  await pair.query('nonprod', 'alter table witnessed_tree enable trigger witnessed_tree_grows');
  // An approval makes a new checkpoint, and intake shows it.
  await approveAs(pair, 'leo', promotion);
  await until('the freeze', 20, async () => {
    const { verdict } = await detailsOf(pair, promotion);
    return verdict.codes.includes('E_LEDGER_INCONSISTENT') ? true : null;
  });
  await assertWaits(pair, promotion, { code: 'E_LEDGER_INCONSISTENT', have: 1 });
  await pair.query('nonprod', 'alter table witnessed_tree disable trigger witnessed_tree_grows');
  await pair.query('nonprod', 'update witnessed_tree set root = $1', [kept?.root]);
  await pair.query('nonprod', 'alter table witnessed_tree enable trigger witnessed_tree_grows');
  await pair.query('gate', `delete from repository_freeze where repository = 'ledger'`);
  await approveAs(pair, 'mira', promotion);
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
});
