/**
 * The deliverer is killed (SIGKILL, as `kill -9` does) at every step that it takes. Whatever the step, the delivery ends in the
 * state that the table of the delivery cycle names, within half a minute, and nothing of its credential is left anywhere.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  approveAs,
  askForPromotion,
  commitNewProduct,
  lookAtProduction,
  until,
  waitForCandidate,
} from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { parseDocument } from 'yaml';
import { runningPair } from '../support/pair.ts';

/** Each place where the deliverer may die, and what becomes of the promotion. */
const deaths: readonly [failpoint: string, end: 'failed' | 'live'][] = [
  ['delivery-claimed', 'failed'],
  ['intent-published', 'failed'],
  ['session-intent', 'failed'],
  ['login-minted', 'failed'],
  ['logged-in', 'failed'],
  ['token-persisted', 'failed'],
  ['credential-read', 'failed'],
  ['lease-persisted', 'failed'],
  // The hook says that it may run again, and it does.
  ['hook-recorded', 'live'],
  ['hook-running', 'live'],
  ['hook-finished', 'live'],
  ['revoking', 'live'],
  ['lease-revoked', 'live'],
  ['session-clean', 'live'],
];

const endWithinSeconds = 30;

/** Built while the case before it is delivered. */
let nextCandidate: Promise<string> | undefined;

async function build(pair: Pair): Promise<string> {
  return (await waitForCandidate(pair, await commitNewProduct(pair))).id;
}

describe('the deliverer killed at every step', () => {
  before(async () => setLoginSeconds(await runningPair(), 8));
  after(async () => setLoginSeconds(await runningPair(), 20));

  for (const [index, [failpoint, end]] of deaths.entries()) {
    test(`killed at ${failpoint}, the delivery ends ${end} and leaves no lease and no role`, async () => {
      const pair = await runningPair();
      const candidate = await (nextCandidate ?? build(pair));
      nextCandidate = undefined;
      const before = await lookAtProduction(pair);

      await pair.process('gate-deliverer').stop();
      const doomed = await pair.start('gate-deliverer', { AIRLOCK_FAILPOINT: failpoint });
      const promotion = await askForPromotion(pair, candidate, `dies at ${failpoint}`);
      await approveAs(pair, 'leo', promotion);
      await approveAs(pair, 'mira', promotion);
      const death = await Promise.race([doomed.ended, delay(20_000, null)]);
      assert.equal(death?.signal, 'SIGKILL', `the deliverer passed ${failpoint}`);

      await pair.start('gate-deliverer');
      if (index + 1 < deaths.length) {
        nextCandidate = build(pair);
        // Awaited by the next test.
        nextCandidate.catch(() => {});
      }
      const state = await until(
        `the end of the delivery killed at ${failpoint}`,
        endWithinSeconds,
        () => endOf(pair, promotion),
      );
      assert.equal(state, end);
      await assertNothingIsLeft(pair, promotion);

      const after = await lookAtProduction(pair);
      if (end === 'failed') assert.deepEqual(after, before, 'production is unchanged');
      if (end === 'live') assert.equal(after.releases.length, before.releases.length + 1);
    });
  }
});

/** How long a minted login is good for; a crash right after the mint is over no sooner. */
async function setLoginSeconds(pair: Pair, seconds: number): Promise<void> {
  for (const name of ['gate-authority', 'gate-deliverer'] as const) {
    const file = join(pair.layout.config, `${name}.yaml`);
    const config = parseDocument(readFileSync(file, 'utf8'));
    config.set('loginSeconds', seconds);
    writeFileSync(file, config.toString());
    await pair.process(name).stop();
    await pair.start(name);
  }
}

/** Null while it runs, or while its credential is not proven gone. */
async function endOf(pair: Pair, promotion: string): Promise<string | null> {
  const [row] = await pair.query<{ state: string }>(
    'gate',
    `select p.state from promotion p
     where p.id = $1 and p.state not in ('waiting', 'delivering')
       and not exists (select from delivery d left join vault_session v on v.delivery_id = d.id
                       where d.promotion_id = p.id and (d.state = 'running' or v.state <> 'CLEAN'))`,
    [promotion],
  );
  return row?.state ?? null;
}

async function assertNothingIsLeft(pair: Pair, promotion: string): Promise<void> {
  const [delivery] = await pair.query<{ id: string; target: string }>(
    'gate',
    'select id, target from delivery where promotion_id = $1 order by started_at desc',
    [promotion],
  );
  assert.ok(delivery, 'there was a delivery');

  const sessions = await pair.query(
    'gate',
    `select id, state from vault_session where state <> 'CLEAN'`,
  );
  assert.deepEqual(sessions, [], 'no Vault session is open');
  const { ephemeralRoles } = await lookAtProduction(pair);
  assert.deepEqual(ephemeralRoles, [], 'no Postgres role is left');
  for (const prefix of ['database/creds/shop-prod-eu', 'auth/jwt-prod-eu/login']) {
    assert.equal(await leasesAt(pair, prefix), 404, `Vault keeps no lease below ${prefix}`);
  }
  const running = await pair.query(
    'gate',
    `select id from delivery where target = $1 and state = 'running'`,
    [delivery.target],
  );
  assert.deepEqual(running, [], 'the target is free');

  const finished = await until('delivery.finished in the ledger', 10, async () => {
    const rows = await pair.query<{ body: Buffer }>(
      'gate',
      `select body from ledger_entry where type = 'delivery.finished'`,
    );
    const mine = rows.filter(({ body }) => body.includes(delivery.id));
    return mine.length === 0 ? null : mine;
  });
  assert.equal(finished.length, 1, 'the ledger says once that it ended');
}

/** The status of a LIST: 404 where there is none. */
async function leasesAt({ vault }: Pair, prefix: string): Promise<number> {
  const answer = await fetch(`${vault.address}/v1/sys/leases/lookup/${prefix}/?list=true`, {
    headers: { 'x-vault-token': vault.rootToken },
  });
  await answer.text();
  return answer.status;
}
