/** Waves, verification and the return to the release before, on the real parts of the rig. */
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerReader } from '../adapters/postgres/ledger-store.ts';
import { createDeliveryRig, deliver, until, type DeliveryRig } from '../testing/delivery-rig.ts';

const repositoryRoot = join(import.meta.dirname, '../../../..');
const good = '2026.11.22-1';
const bad = '2026.11.22-2';
const silent = '2026.11.22-3';

/** Brings nothing anywhere, and fails in wave 2 of the bad release. */
const brings = `#!/bin/sh
echo "stage $AIRLOCK_STAGE wave $AIRLOCK_WAVE/$AIRLOCK_WAVES to $AIRLOCK_WAVE_SHARE"
echo '{}' > "$AIRLOCK_OUT/result.json"
[ "$AIRLOCK_RELEASE $AIRLOCK_WAVE" != '${bad} 2' ]
`;
/** Sees that the bad release is not well, and says nothing of the silent one. */
const looks = `#!/bin/sh
echo "looks at $AIRLOCK_RELEASE as $AIRLOCK_STAGE"
[ "$AIRLOCK_RELEASE" = '${silent}' ] && sleep 60
echo '{}' > "$AIRLOCK_OUT/result.json"
[ "$AIRLOCK_RELEASE" != '${bad}' ]
`;

let rig: DeliveryRig;
let double: VaultDouble;

before(async () => {
  const rootToken = randomBytes(12).toString('hex');
  double = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken });
  const pins = new Map<string, string>();
  const pinned = (name: string): string => pins.get(name) ?? '';
  const verify = () => ({ hook: pinned('looks'), for: '1s', every: '1s', failures: 2 });
  rig = await createDeliveryRig({
    targets: ['returns', 'stays', 'in-waves', 'watched'],
    vault: { address: double.address, rootToken },
    async installHooks(directory) {
      await promisify(execFile)(process.execPath, [
        join(repositoryRoot, 'deploy/hooks/build.ts'),
        'load-release',
        directory,
      ]);
      for (const [name, run] of Object.entries({ brings, looks })) {
        mkdirSync(join(directory, name));
        const manifest = { version: 1, name, summary: 'For a test.', needs: {}, params: {} };
        writeFileSync(
          join(directory, name, 'hook.yaml'),
          JSON.stringify({ ...manifest, waves: name === 'brings' }),
        );
        writeFileSync(join(directory, name, 'run'), run, { mode: 0o755 });
      }
      for (const name of ['load-release', 'brings', 'looks']) {
        const { digest } = await readHookDirectory(join(directory, name));
        pins.set(name, `${name}@sha256:${digest}`);
      }
      return (target) =>
        pinned(['in-waves', 'watched'].includes(target) ? 'brings' : 'load-release');
    },
    amend(target) {
      const deliver = { timeout: '15s' };
      const inWaves = { ...deliver, waves: [1, '50%', '100%'], pause: '1s' };
      switch (target) {
        case 'returns':
          return {
            deliver,
            verify: verify(),
            rollback: { to: 'previous', auto: 'onVerifyFailed' },
          };
        case 'stays':
          return { deliver, verify: verify(), rollback: { to: 'previous', auto: 'never' } };
        case 'in-waves':
          return { deliver: inWaves };
        default:
          return { deliver: inWaves, verify: verify() };
      }
    },
  });
});

after(async () => {
  await rig.close();
  await double.stop();
});

async function bring(target: string, release: string) {
  const promotion = await rig.admit(target, release);
  const { run, start, promotions } = rig.deliverer();
  const started = await start(promotion);
  const outcome = await deliver(run, started);
  const { id } = started.delivery;
  await rig.nothingLeft(target);
  const log = await createDeliveryStore(rig.asDeliverer).log(id, { after: 0, limit: 500 });
  return {
    ...{ id, promotion, outcome },
    lines: log.map(({ line }) => line),
    live: (await promotions.liveOn(target))?.release ?? null,
    stages: await stagesOf(id),
  };
}

/** What the ledger says of the delivery's stages, in its order. */
async function stagesOf(deliveryId: string): Promise<string[]> {
  await rig.ledgerOf(deliveryId);
  const rows = await createLedgerReader(rig.asAuthority).entries(0, 10_000);
  return rows
    .map((row) => parseLedgerEntry(row.body))
    .filter(({ type, refs }) => type === 'delivery.stage' && refs['delivery'] === deliveryId)
    .map(({ refs }) => [refs['stage'], refs['number'], refs['state']].filter(Boolean).join(' '));
}

async function productsOf(): Promise<string[]> {
  const { rows } = await rig.production.query<{ release: string }>(
    'select distinct release from public.product',
  );
  return rows.map(({ release }) => release);
}

describe('a release that is verified', () => {
  test('is live only after it was well for the whole time, and a bad one after it gives way to it', async () => {
    const first = await bring('returns', good);
    assert.deepEqual(first.outcome, { state: 'succeeded', reason: null });
    assert.deepEqual([first.live, first.stages], [good, ['verify passed']]);
    const well = first.lines.filter((line) => /^look \d+: well$/.test(line));
    assert.ok(well.length >= 2, 'one look at once, one at the end');

    const second = await bring('returns', bad);
    assert.equal(second.outcome?.state, 'failed');
    assert.match(
      second.outcome.reason,
      /^the verification failed \(2 looks in a row: .* ended with 1 .*\); 2026\.11\.22-1, which was live before, was put back$/,
    );
    assert.deepEqual(second.stages, ['verify failed', 'return started', 'return done']);
    assert.equal(second.live, good);
    assert.deepEqual(await productsOf(), [good], 'production itself');
    const { rows } = await rig.production.query<{ release: string }>(
      'select release from public.release_history where delivery = $1 order by loaded_at',
      [second.id],
    );
    assert.deepEqual(
      rows.map(({ release }) => release),
      [bad, good],
    );
  });

  test('whose verify hook never answers is put back all the same', async () => {
    const { outcome, live, lines } = await bring('returns', silent);
    assert.match(
      outcome?.reason ?? '',
      /stopped at its limit of 1 s\); 2026\.11\.22-1, .* put back$/,
    );
    assert.equal(live, good);
    assert.ok(lines.includes('look 2: not well, 2 in a row'));
  });

  test('stays where the target file asks for no return, and is not called live', async () => {
    const { outcome, live, stages } = await bring('stays', bad);
    assert.equal(outcome?.state, 'indeterminate');
    assert.match(outcome.reason, /nothing is put back here; production has this release/);
    assert.deepEqual([live, stages], [null, ['verify failed']]);
  });

  test('is not called live by the watchdog when its deliverer dies before the verification ended', async () => {
    const promotion = await rig.admit('stays', good);
    const child = rig.spawnDeliverer(promotion, { failpoint: 'hook-finished' });
    assert.equal(await child.ended, 'SIGKILL');
    const { promotions } = rig.deliverer();
    await until(async () => (await promotions.find(promotion))?.state === 'indeterminate');
    const found = await createDeliveryStore(rig.asDeliverer).ofPromotion(promotion);
    assert.match(found?.outcomeReason ?? '', /^interrupted before its verification ended/);
    assert.equal(await promotions.liveOn('stays'), null);
    await rig.nothingLeft('stays');
  });
});

describe('a delivery in waves', () => {
  test('runs its hook once a wave, with a pause between', async () => {
    const from = performance.now();
    const { outcome, lines, stages } = await bring('in-waves', good);
    assert.deepEqual(outcome, { state: 'succeeded', reason: null });
    assert.deepEqual(
      lines.filter((line) => line.startsWith('stage ')),
      [
        'stage deliver wave 1/3 to 1',
        'stage deliver wave 2/3 to 50%',
        'stage deliver wave 3/3 to 100%',
      ],
    );
    assert.deepEqual(stages, ['wave 1 done', 'wave 2 done', 'wave 3 done']);
    assert.ok(performance.now() - from > 2_000, 'two pauses of a second');
  });

  test('whose second wave fails says where production stands, and starts no third', async () => {
    const { outcome, stages, live, lines } = await bring('in-waves', bad);
    assert.deepEqual(outcome, {
      state: 'failed',
      reason:
        'wave 2 of 3 (50%) failed (exit 1); wave 1 has this release, so that two run in production',
    });
    assert.deepEqual(stages, ['wave 1 done', 'wave 2 failed']);
    assert.equal(live, good);
    assert.ok(!lines.some((line) => line.includes('wave 3')));
  });

  test('is looked at between its waves, and a release that is not well reaches no second one', async () => {
    const { outcome, stages, lines } = await bring('watched', bad);
    assert.equal(outcome?.state, 'indeterminate');
    assert.deepEqual(stages, ['wave 1 done', 'verify failed']);
    assert.ok(!lines.some((line) => line.includes('wave 2')));
  });
});
