/** What becomes of a delivery whose deliverer died in its hook, on the real parts of the rig. */
import { hookKinds } from '@airlock/common/hook/kind';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerReader } from '../adapters/postgres/ledger-store.ts';
import type { DenialReason } from '../domain/verdict.ts';
import { createDeliveryRig, deliver, until, type DeliveryRig } from '../testing/delivery-rig.ts';
import type { RepeatDependencies } from './repeat-delivery.ts';

/** Its release says what a probe answers. */
const brings = `#!/bin/sh
echo "$AIRLOCK_STAGE of $AIRLOCK_RELEASE"
sleep 0.3
[ "$AIRLOCK_RELEASE" = mute ] && exit 0
printf '{"state":"%s"}' "$AIRLOCK_RELEASE" > "$AIRLOCK_OUT/result.json"
`;
const targets = ['done', 'not-done', 'mute', 'once', 'stopped', 'held', 'given-up'] as const;
type Target = (typeof targets)[number];
const kindOf = (target: string): string =>
  target === 'once' ? 'at-most-once' : target === 'stopped' ? 'idempotent' : 'probing';

let rig: DeliveryRig;
let double: VaultDouble;

before(async () => {
  const rootToken = randomBytes(12).toString('hex');
  double = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken });
  rig = await createDeliveryRig({
    ...{ targets, vault: { address: double.address, rootToken }, staleSeconds: 1 },
    async installHooks(directory) {
      const pins = new Map<string, string>();
      for (const name of hookKinds) {
        const into = join(directory, name);
        mkdirSync(into);
        const manifest = { version: 1, name, summary: 'For a test.', needs: {}, params: {} };
        writeFileSync(join(into, 'hook.yaml'), JSON.stringify({ ...manifest, kind: name }));
        writeFileSync(join(into, 'run'), brings, { mode: 0o755 });
        pins.set(name, `${name}@sha256:${(await readHookDirectory(into)).digest}`);
      }
      return (target) => pins.get(kindOf(target)) ?? '';
    },
  });
});

after(async () => {
  await rig.close();
  await double.stop();
});

/** Kills a deliverer in its hook and waits until the watchdog has ended the delivery. */
async function interrupted(target: Target, release: string = target): Promise<string> {
  const promotion = await rig.admit(target, release);
  const child = rig.spawnDeliverer(promotion, { failpoint: 'hook-running' });
  assert.equal(await child.ended, 'SIGKILL');
  const { deliveries } = rig.deliverer();
  await until(async () => (await deliveries.ofPromotion(promotion))?.state === 'indeterminate');
  return promotion;
}

async function repeated(target: Target, release: string = target) {
  const promotion = await interrupted(target, release);
  const { run, repeat, promotions } = rig.deliverer();
  const started = await repeat(promotion);
  assert.ok(started !== null, 'it is made once more');
  const outcome = await deliver(run, started);
  const log = await createDeliveryStore(rig.asDeliverer).log(started.delivery.id, {
    ...{ after: 0, limit: 500 },
  });
  await rig.nothingLeft(target);
  return {
    outcome,
    stdout: log.flatMap(({ stream, line }) => (stream === 'stdout' ? [line] : [])),
    state: (await promotions.find(promotion))?.state,
    again: await repeat(promotion),
  };
}

const refusing =
  (reason: DenialReason): RepeatDependencies['judge'] =>
  async (question) => {
    const judged = await rig.deliverer().judge(question);
    return judged === null
      ? null
      : { ...judged, verdict: { allowed: false, reasons: [reason] } as const };
  };

describe('a delivery whose deliverer died in its hook', () => {
  test('whose hook says that it was done is not delivered twice', async () => {
    const { outcome, stdout, state } = await repeated('done');
    assert.deepEqual(stdout, ['probe of done']);
    assert.deepEqual([outcome?.state, state], ['succeeded', 'live']);
  });

  test('whose hook says that it was not done is delivered, once', async () => {
    const { stdout, state, again } = await repeated('not-done');
    assert.deepEqual(stdout, ['probe of not-done', 'deliver of not-done']);
    assert.equal(state, 'live');
    assert.equal(again, null);
  });

  test('whose hook does not know is not delivered, and a person has to look', async () => {
    const { outcome, stdout, state } = await repeated('mute');
    assert.deepEqual(stdout, ['probe of mute']);
    assert.deepEqual([outcome?.state, state], ['indeterminate', 'indeterminate']);
    assert.match(outcome?.reason ?? '', /could not say afterwards/);
  });

  test('whose hook may run at most once is not made once more', async () => {
    const promotion = await interrupted('once');
    const { repeat, promotions } = rig.deliverer();
    assert.equal(await repeat(promotion), null);
    assert.equal((await promotions.find(promotion))?.state, 'indeterminate');
  });

  test('is given up, and people are told, when it may not be delivered any more', async () => {
    const promotion = await interrupted('stopped');
    const { repeat, promotions, deliveries } = rig.deliverer();
    const since = new Date();
    assert.equal(await repeat(promotion, refusing({ code: 'E_EMERGENCY_STOP', since })), null);
    const found = await promotions.find(promotion);
    assert.equal(found?.state, 'indeterminate');
    assert.match(found.stateReason ?? '', /not made once more \(E_EMERGENCY_STOP\)/);
    const delivery = await deliveries.ofPromotion(promotion);
    await until(async () => {
      const rows = await createLedgerReader(rig.asAuthority).entries(0, 10_000);
      return rows
        .map(({ body }) => parseLedgerEntry(body))
        .some(({ refs }) => refs['stage'] === 'repeat' && refs['delivery'] === delivery?.id);
    });
  });

  test('waits for what passes by itself', async () => {
    const promotion = await interrupted('held', 'not-done');
    const { run, repeat, promotions } = rig.deliverer();
    const busy = refusing({ code: 'E_TARGET_BUSY', deliveryId: 'dlv_x', since: new Date() });
    const outliving = { deliveryId: 'dlv_x', until: new Date() };
    const alive = refusing({ code: 'E_CREDENTIAL_OUTLIVES', ...outliving });
    for (const judged of [busy, alive]) {
      assert.equal(await repeat(promotion, judged), null);
      assert.equal((await promotions.find(promotion))?.state, 'delivering');
    }
    const started = await repeat(promotion);
    assert.ok(started !== null);
    assert.equal((await deliver(run, started))?.state, 'succeeded');
  });

  test('whose repeat dies as well has no third', async () => {
    const promotion = await interrupted('given-up', 'not-done');
    const { run, repeat, promotions, deliveries } = rig.deliverer();
    const started = await repeat(promotion);
    assert.ok(started !== null);
    // Nobody carries it: its first sign of life was its last.
    await sleep(1_200);
    await until(async () => (await deliveries.ofPromotion(promotion))?.state === 'indeterminate');
    assert.equal(await repeat(promotion), null);
    assert.equal((await promotions.find(promotion))?.state, 'indeterminate');
    assert.equal(await deliver(run, started), null);
  });
});
