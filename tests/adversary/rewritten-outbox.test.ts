/** The outbox is a chain: an item that the gate has taken cannot be replaced, and a fork stops the intake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleOf } from '@airlock/cli/drills/forgery';
import { until } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { attackerOn } from '../support/attacker.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';

const freezeOf = (pair: Pair): Promise<{ reason: string } | null> =>
  pair
    .query<{ reason: string }>(
      'gate',
      `select reason from repository_freeze where repository like 'outbox:%'`,
    )
    .then((rows) => rows[0] ?? null);

test('an outbox that is rewritten stops the intake, says so, and is taken again once a person has looked', async () => {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const junk = (text: string): { bundle: Buffer; artifact: Buffer } => ({
    bundle: bundleOf([text]),
    artifact: Buffer.from(text),
  });
  const first = await attacker.offer(junk('the item that the gate takes'));
  assert.equal(first.outcome, 'refused');

  await withoutDelivery(pair, async () => {
    // The last item disappears: another history takes its number.
    const [row] = await pair.query<{ prev_hash: string; hash: string }>(
      'nonprod',
      'delete from outbox_item where seq = $1 returning prev_hash, hash',
      [first.seq],
    );
    assert.ok(row);
    const rewind = (seq: number, hash: string): Promise<unknown> =>
      pair.query('nonprod', 'update outbox_counter set seq = $1, hash = $2', [seq, hash]);
    await rewind(first.seq - 1, row.prev_hash);
    const forged = await attacker.publish(junk('the item that takes its place'));
    assert.equal(forged, first.seq);
    const next = await attacker.publish(junk('and one after it'));

    const { reason } = await until('the freeze of the outbox', 10, () => freezeOf(pair));
    assert.match(reason, new RegExp(`item ${next}|ends at`));
    await delay(1_500);
    const taken = await pair.query('gate', 'select 1 from intake_item where seq = $1', [next]);
    assert.deepEqual(taken, [], 'nothing is taken from a forked outbox');

    // What a person does who found out: the true history is restored, the freeze lifted.
    await pair.query('nonprod', 'delete from outbox_item where seq >= $1', [first.seq]);
    await rewind(first.seq, row.hash);
    await pair.query('gate', `delete from repository_freeze where repository like 'outbox:%'`);
    const after = await attacker.offer(junk('as before'));
    assert.equal(after.outcome, 'refused');
    assert.equal(after.seq, first.seq + 1);
  });
});

test('an item whose hash is not its own stops the intake', async () => {
  const pair = await runningPair();
  const attacker = await attackerOn(pair);
  const junk = { bundle: bundleOf(['an item']), artifact: Buffer.from('an item') };
  await withoutDelivery(pair, async () => {
    await pair.process('gate-intake').stop();
    const seq = await attacker.publish(junk);
    await pair.query(
      'nonprod',
      `update outbox_item set artifact_size = artifact_size + 1 where seq = $1`,
      [seq],
    );
    await pair.start('gate-intake');
    const { reason } = await until('the freeze of the outbox', 10, () => freezeOf(pair));
    assert.match(reason, new RegExp(`item ${seq} does not hash`));
    await pair.query(
      'nonprod',
      `update outbox_item set artifact_size = artifact_size - 1 where seq = $1`,
      [seq],
    );
    await pair.query('gate', `delete from repository_freeze where repository like 'outbox:%'`);
    assert.equal((await attacker.verdictOn(seq)).outcome, 'refused');
  });
});
