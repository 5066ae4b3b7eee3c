/**
 * Deliveries on the real parts of the rig, with the demo's hook. What a kill at each step leaves is tests/crash.
 */
import { formatId } from '@airlock/common/ids';
import { secretMark } from '@airlock/common/wire/secret-marks';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { unisolatedExecutor } from '../adapters/hooks/run-unisolated.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { createSecretMarkStore } from '../adapters/postgres/secret-mark-store.ts';
import { plannedCredentials } from '../domain/planned-credentials.ts';
import { createDeliveryRig, deliver, until, type DeliveryRig } from '../testing/delivery-rig.ts';
import { clock, placesOf } from '../testing/rig-deliverer.ts';
import type { PreparedHook } from './delivery-ports.ts';
import { secretsIn } from './known-to-nonprod.ts';
import { MintError } from './mint-login.ts';
import type { RunDependencies } from './delivery-saga.ts';
import { runDelivery } from './run-delivery.ts';

const repositoryRoot = join(import.meta.dirname, '../../../..');

const stopId = 'stp_0000000001';

let rig: DeliveryRig;
let double: VaultDouble;

before(async () => {
  const rootToken = randomBytes(12).toString('hex');
  double = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken });
  rig = await createDeliveryRig({
    targets: ['prod-eu', 'prod-us'],
    vault: { address: double.address, rootToken },
    async installHooks(directory) {
      await promisify(execFile)(process.execPath, [
        join(repositoryRoot, 'deploy/hooks/build.ts'),
        'load-release',
        directory,
      ]);
      const { digest } = await readHookDirectory(join(directory, 'load-release'));
      return () => `load-release@sha256:${digest}`;
    },
  });
});

after(async () => {
  await rig.close();
  await double.stop();
});

describe('a delivery', () => {
  test('changes production once, leaves no credential, and tells the ledger in order', async () => {
    const promotion = await rig.admit('prod-eu');
    const { run: dependencies, start, promotions, sessions } = rig.deliverer();
    const started = await start(promotion);
    const outcome = await deliver(dependencies, started);
    assert.deepEqual(outcome, { state: 'succeeded', reason: null });
    assert.equal((await promotions.find(promotion))?.state, 'live');
    assert.equal((await promotions.liveOn('prod-eu'))?.promotionId, promotion);
    const session = await sessions.ofDelivery(started.delivery.id);
    assert.equal(session?.state, 'CLEAN');
    assert.deepEqual(
      session.credentials.map(({ goneAt, trial }) => [goneAt !== null, trial]),
      [[true, 'refused']],
      'Vault lists it no more, and the database itself refuses it',
    );
    await rig.nothingLeft('prod-eu');
    assert.deepEqual(await rig.ledgerOf(started.delivery.id), [
      'delivery.intent',
      'credential.requested',
      'credential.issued',
      'hook.started',
      'hook.finished',
      'credential.revoked',
      'delivery.finished',
    ]);
    const { rows } = await rig.production.query<{ delivery: string }>(
      'select delivery from public.release_history where promotion_digest = $1',
      [started.promotion.promotionDigest],
    );
    assert.deepEqual(rows, [{ delivery: started.delivery.id }]);
    const lines = await createDeliveryStore(rig.asDeliverer).log(started.delivery.id, {
      after: 0,
      limit: 100,
    });
    assert.ok(lines.some(({ stream, line }) => stream === 'stdout' && line.includes('2 products')));
    assert.ok(lines.at(-1)?.line.includes('succeeded'));
    assert.ok(!lines.some(({ line }) => line.includes('WITHOUT ISOLATION')));
  });

  test('without isolation delivers by the same hook, and its log says so first', async () => {
    const { run: dependencies, start } = rig.deliverer(unisolatedExecutor(process.execPath));
    const started = await start(await rig.admit('prod-eu'));
    const outcome = await deliver(dependencies, started);
    assert.deepEqual(outcome, { state: 'succeeded', reason: null });
    await rig.nothingLeft('prod-eu');
    const lines = await createDeliveryStore(rig.asDeliverer).log(started.delivery.id, {
      after: 0,
      limit: 100,
    });
    assert.match(lines[0]?.line ?? '', /^WITHOUT ISOLATION: /);
  });

  test('is claimed by one of many deliverers', async () => {
    const promotion = await rig.admit('prod-eu');
    const each = Array.from({ length: 6 }, () => rig.deliverer().start(promotion));
    const results = await Promise.allSettled(each);
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.equal(won.length, 1);
    const [started] = won;
    assert.ok(started !== undefined);
    await deliver(rig.deliverer().run, started);
  });

  test('ends without a session when the ledger does not publish its intent', async () => {
    const promotion = await rig.admit('prod-us');
    const { run: dependencies, start, sessions, promotions } = rig.deliverer();
    rig.runs.ledger = false;
    try {
      const started = await start(promotion);
      const outcome = await deliver(
        { ...dependencies, times: { ...dependencies.times, intentWithinMs: 400 } },
        started,
      );
      assert.equal(outcome?.state, 'failed');
      assert.match(outcome.reason, /E_LEDGER_UNAVAILABLE.*production unchanged/);
      assert.equal(await sessions.ofDelivery(started.delivery.id), null);
      assert.equal((await promotions.find(promotion))?.state, 'failed');
    } finally {
      rig.runs.ledger = true;
    }
  });

  test('ends without a session when hook or artifact are not what was approved', async () => {
    const { store, hooks } = placesOf(rig.settings);
    const file = join(hooks, 'load-release', 'hook.yaml');
    const whole = readFileSync(file);
    const faults = {
      E_TOCTOU_DIGEST: () => {
        writeFileSync(join(store, rig.artifact.sha256), 'other bytes');
      },
      E_HOOK_DIGEST: () => {
        writeFileSync(file, Buffer.concat([whole, Buffer.from('\n')]));
      },
    };
    for (const [code, spoil] of Object.entries(faults)) {
      const { run: dependencies, start, sessions } = rig.deliverer();
      const started = await start(await rig.admit('prod-us'));
      spoil();
      try {
        const outcome = await deliver(dependencies, started);
        assert.equal(outcome?.state, 'failed');
        assert.ok(outcome.reason.startsWith(code), outcome.reason);
        assert.equal(await sessions.ofDelivery(started.delivery.id), null);
      } finally {
        writeFileSync(join(store, rig.artifact.sha256), rig.artifact.bytes);
        writeFileSync(file, whole);
      }
    }
  });

  test('gets no login when its session is not as the rows should be, and the session ends clean', async () => {
    const { run: dependencies, start, sessions, deliveries } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const refusals: string[][] = [];
    const outcome = await deliver(
      {
        ...dependencies,
        authority: {
          async mint(request) {
            const mint = rig.authorityMint();
            const first = await mint(request);
            // A second login for the same session, and one for a session that does not exist.
            for (const again of [request, { ...request, sessionId: 'vse_0000000000' }]) {
              refusals.push(
                await mint(again).then(
                  () => [],
                  (error: unknown) => (error instanceof MintError ? [...error.codes] : ['?']),
                ),
              );
            }
            return { ...first, jwt: `${first.jwt.slice(0, -8)}AAAAAAAA` };
          },
        },
      },
      started,
    );
    assert.deepEqual(refusals, [['already-minted'], ['session-unknown']]);
    assert.equal(outcome?.state, 'failed');
    assert.match(outcome.reason, /vault-refused.*production unchanged/);
    const session = await sessions.ofDelivery(started.delivery.id);
    assert.equal(session?.state, 'CLEAN');
    assert.equal((await deliveries.find(started.delivery.id))?.hookStartedAt, null);
    await rig.nothingLeft('prod-us');
  });

  test('takes no credential when Vault would let it live longer than was approved', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const { credentials } = started.policy;
    const shorter = { ...credentials, vault: { ...credentials.vault, ttl: 119 } };
    const outcome = await deliver(dependencies, {
      ...started,
      policy: { ...started.policy, credentials: shorter },
    });
    assert.equal(outcome?.state, 'failed');
    assert.match(outcome.reason, /^credential-too-long: .*120 s.*production unchanged$/);
    const session = await sessions.ofDelivery(started.delivery.id);
    assert.deepEqual([session?.state, session?.credentials[0]?.issuedAt], ['CLEAN', null]);
    await rig.nothingLeft('prod-us');
  });

  test('starts no hook with a credential that is not as it was asked for, which is on record all the same', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-eu'));
    const { vault } = dependencies;
    const outcome = await deliver(
      {
        ...dependencies,
        vault: {
          ...vault,
          async login(request) {
            const token = await vault.login(request);
            return {
              ...token,
              read: async (read, options) => ({
                ...(await token.read(read, options)),
                fault: 'the certificate lets in as root',
              }),
            };
          },
        },
      },
      started,
    );
    assert.deepEqual(outcome, {
      state: 'failed',
      reason: 'credential-unusable: the certificate lets in as root; production unchanged',
    });
    const session = await sessions.ofDelivery(started.delivery.id);
    assert.deepEqual(
      session?.credentials.map(({ holder, goneAt }) => [holder !== null, goneAt !== null]),
      [[true, true]],
    );
    assert.deepEqual(await rig.ledgerOf(started.delivery.id), [
      'delivery.intent',
      'credential.requested',
      'credential.issued',
      'credential.revoked',
      'delivery.finished',
    ]);
    await rig.nothingLeft('prod-eu');
  });

  test('starts no hook with a credential that nonprod keeps as a secret too, and says which', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const key = randomBytes(32);
    // As if nonprod had told the mark of just this password before.
    const vault: RunDependencies['vault'] = {
      ...dependencies.vault,
      async login(request) {
        const token = await dependencies.vault.login(request);
        return {
          ...token,
          async read(...asked) {
            const credential = await token.read(...asked);
            const [value] = secretsIn(credential.secret);
            const mark = secretMark(key, value?.reveal() ?? '');
            const marks = [{ secret: 'shop/web/PROD_PASSWORD', mark }];
            await createSecretMarkStore(rig.asIntake).replace({
              ...{ source: 'nonprod', key, marks, takenAt: clock() },
            });
            return credential;
          },
        };
      },
    };
    const outcome = await deliver({ ...dependencies, vault }, started);
    assert.equal(outcome?.state, 'failed');
    assert.match(
      outcome.reason,
      /^E_CREDENTIAL_KNOWN_TO_NONPROD: .*shop\/web\/PROD_PASSWORD.*production unchanged$/,
    );
    assert.equal((await sessions.ofDelivery(started.delivery.id))?.state, 'CLEAN');
    await rig.nothingLeft('prod-us');
  });

  test('goes on when nonprod has told no marks for a day, and its log says that nobody compared', async () => {
    const { run: dependencies, start } = rig.deliverer();
    const takenAt = new Date(clock().getTime() - 25 * 3_600_000);
    await createSecretMarkStore(rig.asIntake).replace({
      ...{ source: 'nonprod', key: randomBytes(32), marks: [], takenAt },
    });
    const started = await start(await rig.admit('prod-us'));
    assert.equal((await deliver(dependencies, started))?.state, 'succeeded');
    const lines = await createDeliveryStore(rig.asDeliverer).log(started.delivery.id, {
      after: 0,
      limit: 100,
    });
    assert.ok(lines.some(({ line }) => line.includes("not compared with nonprod's secrets")));
    await rig.nothingLeft('prod-us');
  });

  test('carries its approvals for one login, whatever a captured deliverer writes into its rows', async () => {
    const { run: dependencies, start, sessions, deliveries, proofs } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    assert.equal((await deliver(dependencies, started))?.state, 'succeeded');
    const { delivery, promotion } = started;
    const mintFor = async (deliveryId: string) => {
      const now = clock();
      const sessionId = formatId('vse', randomBytes(10));
      const { vault } = started.policy.credentials;
      await rig.asDeliverer.transaction((tx) =>
        sessions.insertIntent(tx, {
          ...{ id: sessionId, deliveryId, target: 'prod-us', fence: 1, at: now },
          ...{ jwtMount: vault.jwtMount, credentials: plannedCredentials(vault.reads) },
          ...{ jwtExpiresAt: new Date(now.getTime() + 5_000), deadline: now },
        }),
      );
      const codes = await rig
        .authorityMint()({ deliveryId, sessionId })
        .then(
          () => ['minted'],
          (error: unknown) => (error instanceof MintError ? [...error.codes] : [String(error)]),
        );
      await rig.admin.query("update vault_session set state = 'CLEAN' where id = $1", [sessionId]);
      return codes;
    };
    rig.runs.reaper = false;
    try {
      await rig.asDeliverer.pool.query("update promotion set state = 'delivering' where id = $1", [
        promotion.id,
      ]);
      await rig.asDeliverer.pool.query(
        "update delivery set state = 'running', hook_started_at = null where id = $1",
        [delivery.id],
      );
      assert.deepEqual(await mintFor(delivery.id), ['already-minted'], 'the same delivery');

      const spare = await rig.admit('prod-us');
      await rig.asDeliverer.pool.query(
        "update delivery set state = 'failed', promotion_id = $2 where id = $1",
        [delivery.id, spare],
      );
      const again = formatId('dlv', randomBytes(10));
      const intentDigest = await rig.asDeliverer.transaction(async (tx) => {
        const digest = await recorder.record(tx, {
          type: 'delivery.intent',
          at: clock(),
          actor: 'deliverer',
          subjectDigest: promotion.promotionDigest,
          refs: {
            ...{ delivery: again, target: 'prod-us', promotion: promotion.id },
            ...{ release: promotion.release, artifact: promotion.artifactDigest },
            ...{ commit: promotion.commit, position: String(promotion.mainPosition) },
          },
        });
        await deliveries.insert(tx, {
          ...{ id: again, promotionId: promotion.id, target: 'prod-us', owner: 'test' },
          ...{ intentDigest: digest, verification: null, repeats: null, at: clock() },
        });
        return digest;
      });
      await until(async () => (await proofs.entry(intentDigest)) !== null);
      assert.deepEqual(await mintFor(again), ['delivered-before'], 'another delivery');
      await rig.admin.query("update delivery set state = 'failed' where id = $1", [again]);
      await rig.admin.query("update promotion set state = 'failed' where id = $1", [promotion.id]);
    } finally {
      rig.runs.reaper = true;
    }
  });

  test('whose answer with the credential was lost leaves no role', async () => {
    const { run: dependencies, start } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    double.faults.inject({
      match: /GET database-\w+\/creds/,
      times: 1,
      kind: 'drop-after-execution',
    });
    const outcome = await deliver(dependencies, started);
    assert.equal(outcome?.state, 'failed');
    await rig.nothingLeft('prod-us');
  });

  test('keeps its true outcome while the revocation is not proven, and the target takes no other', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    rig.runs.reaper = false;
    try {
      const outcome = await deliver(
        { ...dependencies, times: { ...dependencies.times, cleanWithinMs: 300 } },
        started,
      );
      assert.equal(outcome?.state, 'succeeded');
      const session = await sessions.uncleanOn('prod-us');
      assert.equal(session?.state, 'REVOKE_PENDING');
      const next = await deliver(dependencies, await start(await rig.admit('prod-us')));
      assert.equal(next?.state, 'failed');
      assert.match(next.reason, /target-busy/);
    } finally {
      rig.runs.reaper = true;
    }
    await until(async () => (await sessions.uncleanOn('prod-us')) === null);
    await rig.nothingLeft('prod-us');
  });

  test('whose login still works after Vault forgot it holds the target until the database refuses it', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    // A revocation statement that does nothing: Vault is content, and the role stays.
    await rig.production.query(
      'ALTER FUNCTION airlock_admin.drop_ephemeral(text) RENAME TO drop_in_truth',
    );
    await rig.production.query(
      `CREATE FUNCTION airlock_admin.drop_ephemeral(name text) RETURNS text LANGUAGE sql AS $$ SELECT 'absent' $$`,
    );
    const delivering = deliver(dependencies, started);
    let holder = '';
    try {
      await until(async () => {
        const session = await sessions.ofDelivery(started.delivery.id);
        holder = session?.credentials[0]?.holder ?? '';
        return (
          session?.state === 'REVOKE_PENDING' && /could still log in/.test(session.lastError ?? '')
        );
      });
      const held = await sessions.uncleanOn('prod-us');
      assert.equal(held?.credentials[0]?.trial, 'works');
      assert.match(held.lastError ?? '', new RegExp(`^${holder} could still log in at the target`));
    } finally {
      await rig.production.query('DROP FUNCTION airlock_admin.drop_ephemeral(text)');
      await rig.production.query(
        'ALTER FUNCTION airlock_admin.drop_in_truth(text) RENAME TO drop_ephemeral',
      );
      // What the message asks a person for.
      await rig.production.query(`select airlock_admin.drop_ephemeral($1)`, [holder]);
    }
    assert.deepEqual(await delivering, { state: 'succeeded', reason: null });
    const session = await sessions.ofDelivery(started.delivery.id);
    assert.deepEqual([session?.state, session?.credentials[0]?.trial], ['CLEAN', 'refused']);
    await rig.nothingLeft('prod-us');
  });

  test('that was taken over stops its hook, revokes its token and writes nothing more', async () => {
    const { run: dependencies, start, deliveries } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const { hooks } = dependencies;
    const outcome = await deliver(
      {
        ...dependencies,
        hooks: {
          isolation: hooks.isolation,
          async prepare(request): Promise<PreparedHook> {
            const hook = await hooks.prepare(request);
            return {
              kind: hook.kind,
              dispose: () => hook.dispose(),
              async run({ signal }) {
                // The watchdog believes this process dead.
                const watchdogs = createDeliveryStore(rig.asWatchdog);
                await rig.asWatchdog.transaction((tx) =>
                  watchdogs.takeOver(tx, started.delivery, 'watchdog'),
                );
                await until(() => Promise.resolve(signal.aborted));
                return { exit: null, summary: 'stopped', result: null };
              },
            };
          },
        },
      },
      started,
    );
    assert.equal(outcome, null);
    const row = await deliveries.find(started.delivery.id);
    assert.deepEqual([row?.state, row?.hookFinishedAt], ['running', null]);
    await until(
      async () => (await deliveries.find(started.delivery.id))?.state === 'indeterminate',
    );
    await rig.nothingLeft('prod-us');
  });

  test('whose deliverer lives and does not do what a stop asks loses its credential to the watchdog, and its hook', async () => {
    const { run: dependencies, start, deliveries, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const { hooks } = dependencies;
    let took = 0;
    const outcome = await deliver(
      {
        ...dependencies,
        // It looks, and is told of nothing.
        stops: { onHost: () => null, against: () => Promise.resolve(null) },
        hooks: {
          isolation: hooks.isolation,
          async prepare(request): Promise<PreparedHook> {
            const hook = await hooks.prepare(request);
            return {
              kind: hook.kind,
              dispose: () => hook.dispose(),
              async run({ signal }) {
                const began = performance.now();
                await rig.placeStop(`delivery:${started.delivery.id}`);
                await until(() => Promise.resolve(signal.aborted));
                took = performance.now() - began;
                // Long before this hook would have ended, and by nobody's hand but the watchdog's.
                await until(
                  async () => (await sessions.ofDelivery(started.delivery.id))?.state === 'CLEAN',
                );
                await rig.nothingLeft('prod-us');
                return { exit: null, summary: 'stopped', result: null };
              },
            };
          },
        },
      },
      started,
    );
    assert.ok(took > 4_900 && took < 12_000, `after ${Math.round(took)} ms`);
    assert.equal(outcome, null);
    await until(
      async () => (await deliveries.find(started.delivery.id))?.state === 'indeterminate',
    );
    await rig.nothingLeft('prod-us');
  });

  test('that is asked to stop ends its hook and its credential within seconds', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const stop = new AbortController();
    const began = performance.now();
    const outcome = await runDelivery(
      {
        ...dependencies,
        failpoint: (name) => {
          if (name === 'credential-read') stop.abort();
        },
      },
      started,
      stop.signal,
    );
    assert.deepEqual(outcome, {
      state: 'failed',
      reason: 'the deliverer was asked to stop; production unchanged',
    });
    assert.ok(performance.now() - began < 4_000);
    await until(async () => (await sessions.ofDelivery(started.delivery.id))?.state === 'CLEAN');
    await rig.nothingLeft('prod-us');
  });

  test('that is stopped before a step takes no credential, and says who stopped it', async () => {
    const { run: dependencies, start, sessions } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    let isStopped = false;
    const outcome = await deliver(
      {
        ...dependencies,
        stops: {
          onHost: () => null,
          against: () =>
            Promise.resolve(
              isStopped
                ? { stop: stopId, text: 'leo stopped it: checkout is down', atOnce: false }
                : null,
            ),
        },
        failpoint: (name) => {
          if (name === 'token-persisted') isStopped = true;
        },
      },
      started,
    );
    assert.deepEqual(outcome, {
      state: 'failed',
      reason: 'stopped: leo stopped it: checkout is down; production unchanged',
    });
    const session = await sessions.ofDelivery(started.delivery.id);
    assert.deepEqual(
      [session?.state, session?.credentials.map(({ issuedAt }) => issuedAt)],
      ['CLEAN', [null]],
    );
    await rig.nothingLeft('prod-us');
  });

  test('whose hook runs when everything is stopped is asked to end, and is called indeterminate', async () => {
    const { run: dependencies, start } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const { hooks } = dependencies;
    let isStopped = false;
    let stoppedAt = 0;
    const outcome = await deliver(
      {
        ...dependencies,
        stops: {
          onHost: () =>
            isStopped
              ? { stop: 'emergency-stop', text: 'the host is stopped', atOnce: false }
              : null,
          against: () => Promise.resolve(null),
        },
        hooks: {
          isolation: hooks.isolation,
          async prepare(request): Promise<PreparedHook> {
            const hook = await hooks.prepare(request);
            return {
              kind: hook.kind,
              dispose: () => hook.dispose(),
              async run({ signal, asking }) {
                isStopped = true;
                stoppedAt = performance.now();
                await until(() => Promise.resolve(asking?.aborted === true));
                assert.ok(performance.now() - stoppedAt < 2_000);
                assert.ok(!signal.aborted, 'asked, not killed');
                return { exit: null, summary: 'stopped', result: null };
              },
            };
          },
        },
      },
      started,
    );
    assert.equal(outcome?.state, 'indeterminate');
    assert.match(outcome.reason, /^stopped: the host is stopped; /);
    await rig.nothingLeft('prod-us');
  });

  test('whose leases are revoked has its hook killed without being asked, and names the stop', async () => {
    const { run: dependencies, start } = rig.deliverer();
    const started = await start(await rig.admit('prod-us'));
    const { hooks } = dependencies;
    let isStopped = false;
    let before = 0;
    const outcome = await deliver(
      {
        ...dependencies,
        stops: {
          onHost: () => null,
          against: ({ delivery }) =>
            Promise.resolve(
              isStopped ? { stop: stopId, text: `leo revoked ${delivery.id}`, atOnce: true } : null,
            ),
        },
        hooks: {
          isolation: hooks.isolation,
          async prepare(request): Promise<PreparedHook> {
            const hook = await hooks.prepare(request);
            return {
              kind: hook.kind,
              dispose: () => hook.dispose(),
              async run({ signal }) {
                const began = performance.now();
                before = Date.now();
                isStopped = true;
                await until(() => Promise.resolve(signal.aborted));
                assert.ok(performance.now() - began < 2_000);
                return { exit: null, summary: 'killed', result: null };
              },
            };
          },
        },
      },
      started,
    );
    assert.equal(outcome?.state, 'indeterminate');
    assert.ok(outcome.reason.startsWith(`stopped: leo revoked ${started.delivery.id}; `));
    const end = (await rig.entriesOf(started.delivery.id)).at(-1);
    assert.ok(end);
    assert.deepEqual([end.type, end.refs['stop']], ['delivery.finished', stopId]);
    const seenAt = Date.parse(end.refs['stopSeenAt'] ?? '');
    assert.ok(seenAt >= before && seenAt <= Date.parse(end.at), 'the ledger has when it was seen');
    await rig.nothingLeft('prod-us');
  });
});
