/**
 * Deliveries on real parts: Postgres with the gate's own migration and grants, the stand-in for Vault with real roles, the
 * authority behind its socket, the ledger's sequencer, the watchdog's reaper, bubblewrap and the demo's hook. Only the verdict
 * is given, because what it says is shown elsewhere.
 *
 * The crash tests run the deliverer in a process of its own, this very file started again, and let it die by SIGKILL at each
 * place that domain/delivery.ts names.
 */
import { applyVaultSetup, issueReaperSecretId } from '@airlock/cli/vault/apply';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import { formatId } from '@airlock/common/ids';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { secretMark } from '@airlock/common/wire/secret-marks';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { Secret } from '@airlock/common/secret';
import { migrate } from '@airlock/database/migrate';
import { failpoint } from '@airlock/process/failpoint';
import { readHookDirectory } from '@airlock/process/hook-directory';
import type { Log } from '@airlock/process/log';
import { startLoop } from '@airlock/process/loop';
import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import { freePort } from '@airlock/testkit/ports';
import { testPostgres } from '@airlock/testkit/stack';
import { startVaultDouble, type VaultDouble } from '@airlock/vault-double/server';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { createAuthorityClient } from '../adapters/authority/client.ts';
import { createLoginSigner } from '../adapters/authority/login-signer.ts';
import { startAuthorityServer, type AuthorityServer } from '../adapters/authority/server.ts';
import { createHookPreparer, type HookExecutor } from '../adapters/hooks/run-hook.ts';
import { unisolatedExecutor } from '../adapters/hooks/run-unisolated.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createSecretMarkStore } from '../adapters/postgres/secret-mark-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createVaultLogin } from '../adapters/vault/login.ts';
import { createVaultReaper } from '../adapters/vault/reaper.ts';
import { crashStates, type CrashState, type DeliveryOutcome } from '../domain/delivery.ts';
import { plannedCredentials } from '../domain/planned-credentials.ts';
import type { PromotionFacts, Verdict } from '../domain/verdict.ts';
import type { PreparedHook } from './delivery-ports.ts';
import { mintLogin, MintError } from './mint-login.ts';
import type { Promotion } from '../domain/promotion.ts';
import { createLedgerProofs } from './prove-entry.ts';
import { createReaper } from './reap-sessions.ts';
import { nonprodKnowledge, secretsIn } from './known-to-nonprod.ts';
import { runDelivery, type RunDependencies } from './run-delivery.ts';
import { sequenceLedger } from './sequence-ledger.ts';
import { startDelivery, type StartedDelivery } from './start-delivery.ts';

const repositoryRoot = join(import.meta.dirname, '../../../..');
const vaultEnvironment = { AIRLOCK_DEMO: '1' };
const loginSeconds = 5;
const staleSeconds = 3;
const commit = 'c0ffee'.padEnd(40, '0');
const clock = (): Date => new Date();
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** What a deliverer process has to be told; the child gets it by its environment. */
type Settings = {
  directory: string;
  postgres: { host: string; port: number; name: string; user: string; passwordFile: string };
  vaultAddress: string;
  vkey: string;
  hook: string;
};

const place = (settings: Pick<Settings, 'directory'>) => ({
  hooks: join(settings.directory, 'hooks'),
  store: join(settings.directory, 'store'),
  socket: join(settings.directory, 'authority.sock'),
  policies: join(settings.directory, 'policies'),
});

/** The policy of a target, by its name: each crash has a target of its own, so that they do not wait for each other. */
function policyOf(settings: Settings, target: string): { policy: TargetPolicy; digest: string } {
  const bytes = readFileSync(join(place(settings).policies, `${target}.json`));
  return {
    policy: TargetPolicy.parse(JSON.parse(bytes.toString())),
    digest: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** A deliverer as processes/deliverer.ts puts it together, but for the verdict. */
function deliverer(
  settings: Settings,
  database: GateDatabase,
  executor: HookExecutor = { isolation: 'bubblewrap', run: runSandboxed },
) {
  const promotions = createPromotionStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const proofs = createLedgerProofs({ ledger: createLedgerReader(database), vkey: settings.vkey });
  const judge = async ({
    promotionId,
  }: {
    promotionId: string;
  }): Promise<{ facts: PromotionFacts; verdict: Verdict } | null> => {
    const promotion = await promotions.find(promotionId);
    return promotion === null
      ? null
      : { facts: allowedFacts(promotion), verdict: { allowed: true } };
  };
  const run: RunDependencies = {
    transactor: database,
    promotions,
    deliveries,
    sessions,
    recorder,
    isPublished: async (leafHash) => (await proofs.entry(leafHash)) !== null,
    authority: createAuthorityClient(place(settings).socket),
    knownToNonprod: nonprodKnowledge({ marks: createSecretMarkStore(database), clock }),
    vault: createVaultLogin(
      { address: settings.vaultAddress, requestTimeoutSeconds: 5 },
      vaultEnvironment,
    ),
    hooks: createHookPreparer({
      hooksDirectory: place(settings).hooks,
      workDirectory: join(settings.directory, `work-${process.pid}`),
      nodeBinary: process.execPath,
      artifacts: {
        async openVerified(digest) {
          const handle = await open(join(place(settings).store, digest));
          return { handle, size: (await handle.stat()).size };
        },
      },
      executor,
    }),
    times: {
      loginSeconds,
      intentWithinMs: 10_000,
      cleanWithinMs: 20_000,
      heartbeatEveryMs: 300,
      giveUpAfterMs: 2_500,
    },
    failpoint,
    log: quiet,
    clock,
    randomBytes,
  };
  const start = async (promotionId: string): Promise<StartedDelivery> => {
    const started = await startDelivery(
      {
        transactor: database,
        promotions,
        deliveries,
        recorder,
        judge,
        policyOf: (target) => Promise.resolve(policyOf(settings, target)),
        owner: 'test',
        clock,
        randomBytes,
        onLostRace: (_, code) => {
          throw new Error(`lost a race: ${code}`);
        },
      },
      promotionId,
    );
    assert.ok(started !== null, 'the delivery starts');
    return started;
  };
  return { promotions, deliveries, sessions, proofs, judge, run, start };
}

// Facts of a promotion that everything speaks for; the verdict itself is shown in domain/verdict.test.ts.
function allowedFacts(promotion: Promotion): PromotionFacts {
  return {
    now: clock(),
    promotion,
    underOwnDelivery: promotion.state === 'delivering',
    targetKnown: true,
    changed: { policy: false, roster: false, base: null, fields: [] },
    hookDigest: null,
    artifactPresent: true,
    bundle: { ok: true },
    builders: { need: 1, listed: 0, count: null },
    unmappedEmails: [],
    approvals: {
      have: 2,
      need: 2,
      role: 'release-manager',
      counting: ['leo', 'mira'],
      discounted: [],
      eligible: [],
    },
    rejectedBy: null,
    freeze: null,
    busy: null,
    pendingSession: null,
    live: null,
    liveDiffers: null,
    ledgerFault: null,
    configurationFault: null,
    ledgerFreeze: null,
  };
}

const childOf = process.env['AIRLOCK_TEST_DELIVERER'];
if (childOf === undefined) defineTests();
else await runAsChild(childOf);

async function runAsChild(text: string): Promise<void> {
  // Written by this file, a few lines below.
  const { settings, promotionId } = JSON.parse(text) as { settings: Settings; promotionId: string };
  const database = openDatabase(settings.postgres);
  const { run, start } = deliverer(settings, database);
  await runDelivery(run, await start(promotionId), new AbortController().signal);
  await database.close();
}

function defineTests(): void {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-deliver-'));
  const artifact = makeArtifact();
  const signing = generateKeyPairSync('ed25519');
  const login = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const run = randomBytes(3).toString('hex');
  const appOwner = `app_owner_d_${run}`;
  const rootToken = randomBytes(12).toString('hex');
  const crashes = Object.entries<CrashState>(crashStates);
  const targetOfCrash = new Map(crashes.map(([name], index) => [name, `crash-${index}`]));
  const targets = ['prod-eu', 'prod-us', ...targetOfCrash.values()];
  const stopping = new AbortController();
  const loops: Promise<void>[] = [];

  let settings: Settings;
  let admin: pg.Client;
  let production: pg.Client;
  let asIntake: GateDatabase;
  let asDeliverer: GateDatabase;
  let asAuthority: GateDatabase;
  let asWatchdog: GateDatabase;
  let double: VaultDouble;
  let authority: AuthorityServer;
  let ledgerRuns = true;
  let reaperRuns = true;

  before(async () => {
    const { createDatabase, ...server } = await testPostgres();
    const [name, productionName] = [await createDatabase(), await createDatabase()];
    const pool = { ...server, database: name };
    await migrate({
      pool,
      migrationsDirectory: join(repositoryRoot, 'prisma/prod-gate/migrations'),
      grantsFile: join(repositoryRoot, 'prisma/prod-gate/grants.sql'),
    });
    admin = new pg.Client(pool);
    await admin.connect();
    // Logins of this test alone, with each process's own rights: the roles themselves belong to the whole cluster.
    const passwordFile = join(directory, 'password');
    const password = randomBytes(12).toString('hex');
    writeFileSync(passwordFile, password);
    const connection = async (role: string) => {
      const user = `${role}_${run}`;
      await admin.query(`create role ${user} login password '${password}' in role ${role}`);
      return { host: server.host, port: server.port, name, user, passwordFile };
    };
    asIntake = openDatabase(await connection('gate_intake'));
    asAuthority = openDatabase(await connection('gate_authority'));
    asWatchdog = openDatabase(await connection('gate_watchdog'));
    const delivererConnection = await connection('gate_deliverer');
    asDeliverer = openDatabase(delivererConnection);

    production = new pg.Client({ ...server, database: productionName });
    await production.connect();
    const vaultAdmin = `vault_d_${run}`;
    for (const statement of productionPostgresSetup({
      vaultAdmin,
      password,
      appOwner,
      database: productionName,
    })) {
      await production.query(statement);
    }
    double = await startVaultDouble({ host: '127.0.0.1', port: await freePort(), rootToken });
    const vaultTargets = targets.map((target, index): VaultTarget => ({
      target,
      jwtMount: `jwt-${target}`,
      jwtRole: target,
      ttlSeconds: 120,
      reads: [{ as: 'db', kind: 'database', mount: 'database', role: `r${index}x` }],
      connections: {
        db: {
          host: server.host,
          port: server.port,
          database: productionName,
          username: vaultAdmin,
          password: new Secret(password),
          appOwner,
        },
      },
    }));
    await applyVaultSetup({
      address: double.address,
      token: rootToken,
      calls: planVaultSetup({
        targets: vaultTargets,
        reaper: { roleName: 'watchdog' },
        issuer: 'https://gate.example/authority',
        authorityPublicKeyPem: login.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      }),
    });

    const { hooks, store, socket, policies } = place({ directory });
    for (const path of [store, policies]) mkdirSync(path);
    writeFileSync(join(store, artifact.sha256), artifact.bytes);
    await promisify(execFile)(process.execPath, [
      join(repositoryRoot, 'deploy/hooks/build.ts'),
      'load-release',
      hooks,
    ]);
    const hook = `load-release@sha256:${(await readHookDirectory(join(hooks, 'load-release'))).digest}`;
    for (const target of vaultTargets) {
      writeFileSync(
        join(policies, `${target.target}.json`),
        JSON.stringify(policyDocument(target, hook, { ...server, name: productionName })),
      );
    }
    settings = {
      directory,
      postgres: delivererConnection,
      vaultAddress: double.address,
      vkey: vkeyOf('ledger.example/gate', signing.publicKey),
      hook,
    };
    authority = await startAuthority(socket);
    startWatchdog(await reaperIdentity());
  });

  after(async () => {
    stopping.abort();
    await Promise.all(loops);
    await authority.close();
    await double.stop();
    for (const database of [asIntake, asDeliverer, asAuthority, asWatchdog]) await database.close();
    for (const client of [admin, production]) await client.end();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('a delivery', () => {
    test('changes production once, leaves no credential, and tells the ledger in order', async () => {
      const promotion = await admit('prod-eu');
      const { run: dependencies, start, promotions, sessions } = deliverer(settings, asDeliverer);
      const started = await start(promotion);
      const outcome = await deliver(dependencies, started);
      assert.deepEqual(outcome, { state: 'succeeded', reason: null });
      assert.equal((await promotions.find(promotion))?.state, 'live');
      assert.equal((await promotions.liveOn('prod-eu'))?.promotionId, promotion);
      const session = await sessions.ofDelivery(started.delivery.id);
      assert.equal(session?.state, 'CLEAN');
      assert.ok(session.credentials.every(({ goneAt }) => goneAt !== null));
      await nothingLeft('prod-eu');
      assert.deepEqual(await ledgerOf(started.delivery.id), [
        'delivery.intent',
        'credential.requested',
        'credential.issued',
        'hook.started',
        'hook.finished',
        'credential.revoked',
        'delivery.finished',
      ]);
      const { rows } = await production.query<{ delivery: string }>(
        'select delivery from public.release_history where promotion_digest = $1',
        [started.promotion.promotionDigest],
      );
      assert.deepEqual(rows, [{ delivery: started.delivery.id }]);
      const lines = await createDeliveryStore(asDeliverer).log(started.delivery.id, {
        after: 0,
        limit: 100,
      });
      assert.ok(
        lines.some(({ stream, line }) => stream === 'stdout' && line.includes('2 products')),
      );
      assert.ok(lines.at(-1)?.line.includes('succeeded'));
      assert.ok(!lines.some(({ line }) => line.includes('WITHOUT ISOLATION')));
    });

    test('without isolation delivers by the same hook, and its log says so first', async () => {
      const { run: dependencies, start } = deliverer(
        settings,
        asDeliverer,
        unisolatedExecutor(process.execPath),
      );
      const started = await start(await admit('prod-eu'));
      const outcome = await deliver(dependencies, started);
      assert.deepEqual(outcome, { state: 'succeeded', reason: null });
      await nothingLeft('prod-eu');
      const lines = await createDeliveryStore(asDeliverer).log(started.delivery.id, {
        after: 0,
        limit: 100,
      });
      assert.match(lines[0]?.line ?? '', /^WITHOUT ISOLATION: /);
    });

    test('is claimed by one of many deliverers', async () => {
      const promotion = await admit('prod-eu');
      const each = Array.from({ length: 6 }, () =>
        deliverer(settings, asDeliverer).start(promotion),
      );
      const results = await Promise.allSettled(each);
      const won = results.flatMap((result) =>
        result.status === 'fulfilled' ? [result.value] : [],
      );
      assert.equal(won.length, 1);
      const [started] = won;
      assert.ok(started !== undefined);
      await deliver(deliverer(settings, asDeliverer).run, started);
    });

    test('ends without a session when the ledger does not publish its intent', async () => {
      const promotion = await admit('prod-us');
      const { run: dependencies, start, sessions, promotions } = deliverer(settings, asDeliverer);
      ledgerRuns = false;
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
        ledgerRuns = true;
      }
    });

    test('ends without a session when hook or artifact are not what was approved', async () => {
      const { store, hooks } = place(settings);
      const file = join(hooks, 'load-release', 'hook.yaml');
      const whole = readFileSync(file);
      const faults = {
        E_TOCTOU_DIGEST: () => {
          writeFileSync(join(store, artifact.sha256), 'other bytes');
        },
        E_HOOK_DIGEST: () => {
          writeFileSync(file, Buffer.concat([whole, Buffer.from('\n')]));
        },
      };
      for (const [code, spoil] of Object.entries(faults)) {
        const { run: dependencies, start, sessions } = deliverer(settings, asDeliverer);
        const started = await start(await admit('prod-us'));
        spoil();
        try {
          const outcome = await deliver(dependencies, started);
          assert.equal(outcome?.state, 'failed');
          assert.ok(outcome.reason.startsWith(code), outcome.reason);
          assert.equal(await sessions.ofDelivery(started.delivery.id), null);
        } finally {
          writeFileSync(join(store, artifact.sha256), artifact.bytes);
          writeFileSync(file, whole);
        }
      }
    });

    test('gets no login when its session is not as the rows should be, and the session ends clean', async () => {
      const { run: dependencies, start, sessions, deliveries } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
      const refusals: string[][] = [];
      const outcome = await deliver(
        {
          ...dependencies,
          authority: {
            async mint(request) {
              const mint = authorityMint();
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
      await nothingLeft('prod-us');
    });

    test('takes no credential when Vault would let it live longer than was approved', async () => {
      const { run: dependencies, start, sessions } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
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
      await nothingLeft('prod-us');
    });

    test('starts no hook with a credential that nonprod keeps as a secret too, and says which', async () => {
      const { run: dependencies, start, sessions } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
      const key = randomBytes(32);
      // As if nonprod had told the mark of just this password before.
      const vault: RunDependencies['vault'] = {
        async login(request) {
          const token = await dependencies.vault.login(request);
          return {
            ...token,
            async read(...asked) {
              const credential = await token.read(...asked);
              const [value] = secretsIn(credential.secret);
              const mark = secretMark(key, value?.reveal() ?? '');
              const marks = [{ secret: 'shop/web/PROD_PASSWORD', mark }];
              await createSecretMarkStore(asIntake).replace({
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
      await nothingLeft('prod-us');
    });

    test('goes on when nonprod has told no marks for a day, and its log says that nobody compared', async () => {
      const { run: dependencies, start } = deliverer(settings, asDeliverer);
      const takenAt = new Date(clock().getTime() - 25 * 3_600_000);
      await createSecretMarkStore(asIntake).replace({
        ...{ source: 'nonprod', key: randomBytes(32), marks: [], takenAt },
      });
      const started = await start(await admit('prod-us'));
      assert.equal((await deliver(dependencies, started))?.state, 'succeeded');
      const lines = await createDeliveryStore(asDeliverer).log(started.delivery.id, {
        after: 0,
        limit: 100,
      });
      assert.ok(lines.some(({ line }) => line.includes("not compared with nonprod's secrets")));
      await nothingLeft('prod-us');
    });

    test('carries its approvals for one login, whatever a captured deliverer writes into its rows', async () => {
      const {
        run: dependencies,
        start,
        sessions,
        deliveries,
        proofs,
      } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
      assert.equal((await deliver(dependencies, started))?.state, 'succeeded');
      const { delivery, promotion } = started;
      const mintFor = async (deliveryId: string) => {
        const now = clock();
        const sessionId = formatId('vse', randomBytes(10));
        const { vault } = started.policy.credentials;
        await asDeliverer.transaction((tx) =>
          sessions.insertIntent(tx, {
            ...{ id: sessionId, deliveryId, target: 'prod-us', fence: 1, at: now },
            ...{ jwtMount: vault.jwtMount, credentials: plannedCredentials(vault.reads) },
            ...{ jwtExpiresAt: new Date(now.getTime() + 5_000), deadline: now },
          }),
        );
        const codes = await authorityMint()({ deliveryId, sessionId }).then(
          () => ['minted'],
          (error: unknown) => (error instanceof MintError ? [...error.codes] : [String(error)]),
        );
        await asDeliverer.pool.query("update vault_session set state = 'CLEAN' where id = $1", [
          sessionId,
        ]);
        return codes;
      };
      reaperRuns = false;
      try {
        await asDeliverer.pool.query("update promotion set state = 'delivering' where id = $1", [
          promotion.id,
        ]);
        await asDeliverer.pool.query(
          "update delivery set state = 'running', hook_started_at = null where id = $1",
          [delivery.id],
        );
        assert.deepEqual(await mintFor(delivery.id), ['already-minted'], 'the same delivery');

        const spare = await admit('prod-us');
        await asDeliverer.pool.query(
          "update delivery set state = 'failed', promotion_id = $2 where id = $1",
          [delivery.id, spare],
        );
        const again = formatId('dlv', randomBytes(10));
        const intentDigest = await asDeliverer.transaction(async (tx) => {
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
            ...{ intentDigest: digest, at: clock() },
          });
          return digest;
        });
        await until(async () => (await proofs.entry(intentDigest)) !== null);
        assert.deepEqual(await mintFor(again), ['delivered-before'], 'another delivery');
        await admin.query("update delivery set state = 'failed' where id = $1", [again]);
        await admin.query("update promotion set state = 'failed' where id = $1", [promotion.id]);
      } finally {
        reaperRuns = true;
      }
    });

    test('whose answer with the credential was lost leaves no role', async () => {
      const { run: dependencies, start } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
      double.faults.inject({
        match: /GET database\/creds/,
        times: 1,
        kind: 'drop-after-execution',
      });
      const outcome = await deliver(dependencies, started);
      assert.equal(outcome?.state, 'failed');
      await nothingLeft('prod-us');
    });

    test('keeps its true outcome while the revocation is not proven, and the target takes no other', async () => {
      const { run: dependencies, start, sessions } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
      reaperRuns = false;
      try {
        const outcome = await deliver(
          { ...dependencies, times: { ...dependencies.times, cleanWithinMs: 300 } },
          started,
        );
        assert.equal(outcome?.state, 'succeeded');
        const session = await sessions.uncleanOn('prod-us');
        assert.equal(session?.state, 'REVOKE_PENDING');
        const next = await deliver(dependencies, await start(await admit('prod-us')));
        assert.equal(next?.state, 'failed');
        assert.match(next.reason, /target-busy/);
      } finally {
        reaperRuns = true;
      }
      await until(async () => (await sessions.uncleanOn('prod-us')) === null);
      await nothingLeft('prod-us');
    });

    test('that was taken over stops its hook, revokes its token and writes nothing more', async () => {
      const { run: dependencies, start, deliveries } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
      const { hooks } = dependencies;
      const outcome = await deliver(
        {
          ...dependencies,
          hooks: {
            isolation: hooks.isolation,
            async prepare(request): Promise<PreparedHook> {
              const hook = await hooks.prepare(request);
              return {
                dispose: () => hook.dispose(),
                async run({ signal }) {
                  // The watchdog believes this process dead.
                  const watchdogs = createDeliveryStore(asWatchdog);
                  await asWatchdog.transaction((tx) =>
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
      await nothingLeft('prod-us');
    });

    test('that is asked to stop ends its hook and its credential within seconds', async () => {
      const { run: dependencies, start, sessions } = deliverer(settings, asDeliverer);
      const started = await start(await admit('prod-us'));
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
      await nothingLeft('prod-us');
    });
  });

  describe('a deliverer that is killed', { concurrency: 4 }, () => {
    for (const [name, expected] of crashes) {
      test(`at ${name} leaves what is written, and the watchdog ends it as ${expected.end}`, async () => {
        const target = targetOfCrash.get(name) ?? '';
        const promotion = await admit(target);
        assert.equal(await dieAt(name, promotion), 'SIGKILL');
        const { deliveries, sessions, promotions } = deliverer(settings, asDeliverer);
        const left = await deliveries.ofPromotion(promotion);
        assert.ok(left !== null);
        const session = await sessions.ofDelivery(left.id);
        // The watchdog runs beside, and takes what is in revocation at once.
        const moved: (string | null)[] =
          expected.session === 'REVOKING'
            ? ['REVOKING', 'REVOKE_PENDING', 'CLEAN']
            : [expected.session];
        const found = session?.state ?? null;
        assert.ok(moved.includes(found), `session ${found ?? 'none'}`);

        await until(async () => (await deliveries.find(left.id))?.state !== 'running', 30_000);
        const ended = await deliveries.find(left.id);
        assert.equal(ended?.state, expected.end, ended?.outcomeReason ?? '');
        assert.equal(
          (await promotions.find(promotion))?.state,
          expected.end === 'succeeded' ? 'live' : expected.end,
        );
        await until(async () => (await sessions.uncleanOn(target)) === null, 30_000);
        await nothingLeft(target);
        const entries = await ledgerOf(left.id);
        assert.equal(entries.filter((type) => type === 'delivery.finished').length, 1);
        assert.equal(entries.filter((type) => type === 'hook.started').length, hookStarts(name));
        assert.equal(
          entries.filter((type) => type === 'credential.revoked').length,
          expected.session === null ? 0 : 1,
        );
        // The target takes the next delivery.
        const next = deliverer(settings, asDeliverer);
        const outcome = await deliver(next.run, await next.start(await admit(target)));
        assert.equal(outcome?.state, 'succeeded');
      });
    }

    test('no role that a delivery had is left in production', async () => {
      await until(async () => {
        const { rowCount } = await production.query(
          `select from pg_auth_members join pg_roles on pg_roles.oid = member
           where roleid = $1::regrole and rolname like 'v-%'`,
          [appOwner],
        );
        const { rows } = await admin.query<{ count: string }>(
          `select count(*) from delivery where state = 'running'`,
        );
        return rowCount === 0 && rows[0]?.count === '0';
      }, 60_000);
    });
  });

  function hookStarts(name: string): number {
    const places = Object.keys(crashStates);
    return places.indexOf(name) >= places.indexOf('hook-recorded') ? 1 : 0;
  }

  // ── the parts around the deliverer ────────────────────────────────────────────────────────────────────────────

  function authorityMint() {
    const database = asAuthority;
    const { judge, promotions, deliveries, sessions, proofs } = deliverer(settings, database);
    const keyFile = join(directory, 'authority.key');
    writeFileSync(keyFile, login.privateKey.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
    });
    return mintLogin({
      transactor: database,
      promotions,
      deliveries,
      sessions,
      recorder,
      judge,
      policyOf: (target) => Promise.resolve(policyOf(settings, target)),
      files: () =>
        Promise.resolve({
          trustDigest: '7'.repeat(64),
          manifest: { digest: '8'.repeat(64) },
        }),
      ledger: proofs.facts,
      signer: createLoginSigner(keyFile),
      issuer: 'https://gate.example/authority',
      loginSeconds,
      clock,
    });
  }

  function startAuthority(socketPath: string): Promise<AuthorityServer> {
    return startAuthorityServer({
      socketPath,
      socketMode: 0o600,
      log: quiet,
      mint: authorityMint(),
    });
  }

  async function reaperIdentity() {
    const { roleId, secretId } = await issueReaperSecretId({
      address: double.address,
      token: rootToken,
      roleName: 'watchdog',
    });
    const [roleIdFile, secretIdFile] = [join(directory, 'role-id'), join(directory, 'secret-id')];
    writeFileSync(roleIdFile, roleId);
    writeFileSync(secretIdFile, secretId, { mode: 0o600 });
    return { roleIdFile, secretIdFile };
  }

  function startWatchdog(identity: { roleIdFile: string; secretIdFile: string }): void {
    const reaper = createReaper({
      transactor: asWatchdog,
      sessions: createVaultSessionStore(asWatchdog),
      deliveries: createDeliveryStore(asWatchdog),
      promotions: createPromotionStore(asWatchdog),
      recorder,
      reaper: createVaultReaper(
        { address: double.address, requestTimeoutSeconds: 5 },
        identity,
        vaultEnvironment,
      ),
      staleSeconds,
      onEvent: () => {},
      clock,
    });
    const work = {
      sequencer: async () => {
        if (!ledgerRuns) return;
        await sequenceLedger({
          sequencer: createLedgerSequencer(asWatchdog.pool),
          signer: { name: 'ledger.example/gate', privateKey: signing.privateKey },
        });
      },
      reaper: async () => {
        if (reaperRuns) await reaper.pass();
      },
    };
    for (const [name, pass] of Object.entries(work)) {
      const loop = startLoop({
        name,
        intervalMs: 100,
        signal: stopping.signal,
        log: quiet,
        run: pass,
      });
      loops.push(loop.done);
    }
  }

  async function deliver(
    dependencies: RunDependencies,
    started: StartedDelivery,
  ): Promise<DeliveryOutcome | null> {
    return await runDelivery(dependencies, started, new AbortController().signal);
  }

  /** A promotion that waits, as intake would have left it. */
  async function admit(target: string): Promise<string> {
    const id = formatId('prm', randomBytes(10));
    const digest = (): string => randomBytes(32).toString('hex');
    const now = clock();
    await asIntake.transaction((tx) =>
      createPromotionStore(asIntake).insert(tx, {
        id,
        target,
        release: '2026.11.22-1',
        subjectName: 'shop-api.tar.gz',
        artifactDigest: artifact.sha256,
        artifactSize: artifact.bytes.length,
        repository: 'file:///srv/shop-api.git',
        commit,
        mainPosition: 4,
        pipeline: '.woodpecker.yaml',
        builderId: 'https://nonprod.example/builders/main@v1',
        keyIds: ['key'],
        reproduce: 1,
        invocationId: digest(),
        builtAt: now,
        requester: 'dana@demo.airlock.example',
        requesterIdp: 'https://idp.example',
        reason: 'for a test',
        requestedAt: now,
        admittedAt: now,
        expiresAt: new Date(now.getTime() + 3_600_000),
        bundleDigest: digest(),
        envelopeDigest: digest(),
        provenanceDigest: digest(),
        policyDigest: policyOf(settings, target).digest,
        hook: settings.hook,
        promotionDigest: digest(),
        delta: { base: null, commitCount: 0, commits: [], emails: [], fileCount: 0, files: [] },
        bundle: Buffer.from('bundle'),
        document: Buffer.from('{}'),
      }),
    );
    return id;
  }

  async function dieAt(name: string, promotionId: string): Promise<string | null> {
    const child = spawn(
      process.execPath,
      [
        '--conditions=source',
        '--disable-warning=ExperimentalWarning',
        fileURLToPath(import.meta.url),
      ],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: {
          PATH: process.env['PATH'] ?? '',
          AIRLOCK_FAILPOINT: name,
          AIRLOCK_DEMO: '1',
          AIRLOCK_TEST_DELIVERER: JSON.stringify({ settings, promotionId }),
        },
      },
    );
    return await new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(signal ?? `exit ${code ?? ''}`);
      });
    });
  }

  /** Asks Vault as root and production as superuser, not the rows. */
  async function nothingLeft(target: string): Promise<void> {
    const { vault } = policyOf(settings, target).policy.credentials;
    const listed = async (prefix: string): Promise<number> => {
      const answer = await fetch(`${double.address}/v1/sys/leases/lookup/${prefix}/?list=true`, {
        headers: { 'X-Vault-Token': rootToken },
      });
      return answer.status;
    };
    assert.equal(await listed(`auth/${vault.jwtMount}/login`), 404, 'tokens');
    const [{ path } = { path: '' }] = plannedCredentials(vault.reads);
    assert.equal(await listed(path), 404, 'leases');
    const { rowCount } = await production.query(`select from pg_roles where rolname like $1`, [
      `v-%-${path.split('/').at(-1) ?? ''}-%`,
    ]);
    assert.equal(rowCount, 0, 'database roles');
  }

  /** Types of the entries about a delivery, once the one that closes it is there, in the ledger's order. */
  async function ledgerOf(deliveryId: string): Promise<string[]> {
    const read = async (): Promise<string[]> => {
      const rows = await createLedgerReader(asAuthority).entries(0, 10_000);
      return rows
        .map((row) => parseLedgerEntry(row.body))
        .filter((entry) => entry.refs['delivery'] === deliveryId)
        .map((entry) => entry.type);
    };
    await until(async () => (await read()).includes('delivery.finished'));
    return await read();
  }
}

async function until(condition: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `not so within ${withinMs / 1000} s`);
    await sleep(50);
  }
}

function policyDocument(
  target: VaultTarget,
  hook: string,
  database: { host: string; port: number; name: string },
): unknown {
  return {
    version: 1,
    target: target.target,
    admits: [
      {
        repo: 'file:///srv/shop-api.git',
        refs: ['refs/heads/main'],
        pipeline: '.woodpecker.yaml',
        releaseFile: '.airlock/release.yaml',
        subject: 'shop-api.tar.gz',
        builders: {
          id: 'https://nonprod.example/builders/main@v1',
          threshold: 1,
          images: [`sha256:${'6'.repeat(64)}`],
        },
        maxAge: '14d',
        tests: 'required',
        signedCommits: 'not-required',
      },
    ],
    approvals: {
      rules: [{ role: 'release-manager', count: 2 }],
      exclude: ['requester', 'authors', 'committers'],
      expires: '24h',
    },
    credentials: {
      vault: {
        jwtMount: target.jwtMount,
        jwtRole: target.jwtRole,
        ttl: '2m',
        reads: target.reads,
      },
    },
    deliver: {
      hook,
      timeout: '60s',
      params: {},
      egress: [
        {
          as: 'db',
          kind: 'postgres',
          host: database.host,
          port: database.port,
          name: database.name,
        },
      ],
    },
  };
}

/** What the demo's pipeline makes: a gzip'd tar with products.json and release.json. */
function makeArtifact(): { bytes: Buffer; sha256: string } {
  const header = (name: string, size: number): Buffer => {
    const block = Buffer.alloc(512);
    block.write(name, 0);
    block.write('0000644\0', 100);
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    block.write('        ', 148);
    block.write('0', 156);
    block.write('ustar\x0000', 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return block;
  };
  const members = {
    'products.json': JSON.stringify([
      { sku: 'bolt-m6', name: 'Bolt M6', price_cents: 12 },
      { sku: 'nut-m6', name: 'Nut M6', price_cents: 7 },
    ]),
    'release.json': JSON.stringify({ commit, products: 2 }),
  };
  const tar = Buffer.concat([
    ...Object.entries(members).flatMap(([name, content]) => {
      const bytes = Buffer.from(content);
      return [header(name, bytes.length), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
    }),
    Buffer.alloc(1024),
  ]);
  const bytes = gzipSync(tar);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
