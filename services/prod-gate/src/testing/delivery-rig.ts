/**
 * Deliveries on real parts: Postgres with the gate's own migration and grants, a Vault with real roles behind it, the
 * authority behind its socket, the ledger's sequencer, the watchdog's reaper, and bubblewrap. Only the verdict is given,
 * because what it says is shown elsewhere.
 */
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { issueReaperSecretId } from '@airlock/cli/vault/reaper-secret';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import { formatId } from '@airlock/common/ids';
import { parseLedgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { readPathOf } from '@airlock/common/policy/target-credentials';
import { Secret } from '@airlock/common/secret';
import { listen } from '@airlock/database/listen';
import { migrate } from '@airlock/database/migrate';
import { startLoop } from '@airlock/process/loop';
import { testPostgres } from '@airlock/testkit/stack';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createLoginSigner } from '../adapters/authority/login-signer.ts';
import { startAuthorityServer } from '../adapters/authority/server.ts';
import { readHookKind } from '../adapters/files/hook-files.ts';
import type { HookExecutor } from '../adapters/hooks/run-hook.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { mintLogin } from '../app/mint-login.ts';
import type { ReapEvent, Reaper } from '../app/reap-sessions.ts';
import type { RunDependencies } from '../app/delivery-saga.ts';
import { runDelivery } from '../app/run-delivery.ts';
import { createLateLoginSweep, type LateLogin } from '../app/sweep-late-logins.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import type { StartedDelivery } from '../app/start-delivery.ts';
import { stopDigest, type Stop } from '../domain/stop.ts';
import type { DeliveryOutcome } from '../domain/delivery.ts';
import { makeReleaseArtifact, releaseCommit } from './release-artifact.ts';
import {
  clock,
  createRigDeliverer,
  placesOf,
  policyOf,
  quiet,
  type RigDeliverer,
  type RigSettings,
} from './rig-deliverer.ts';
import { createRigReaper, rigVaultReaper, type RigTask } from './rig-process.ts';

const repositoryRoot = join(import.meta.dirname, '../../../..');
const issuer = 'https://gate.example/authority';
const ledgerName = 'ledger.example/gate';
/** Of the token and of every lease. */
const ttlSeconds = 120;

/**
 * `descriptor`: the hook logs in to the database itself · `proxied`: the gate logs in for it · `several`: the gate logs in for
 * it, and on the descriptor it has the login of a second role and a KV secret, which the target accepts to outlive it.
 */
export type Giving = 'descriptor' | 'proxied' | 'several';

type Amendment = {
  readonly deliver?: object;
  readonly verify?: object;
  readonly rollback?: object;
};

export type RigOptions = {
  readonly targets: readonly string[];
  readonly vault: { readonly address: string; readonly rootToken: string };
  /** Puts the hooks into the directory; returns the one that a target pins, as `name@sha256:…`. */
  installHooks(directory: string): Promise<(target: string) => string>;
  /** How a target's hook gets its credentials. Default `proxied` for all. */
  readonly gives?: (target: string) => Giving;
  /** What a target file says beside the usual. */
  readonly amend?: (target: string) => Amendment;
  /** Life of a minted login. Default 5. */
  readonly loginSeconds?: number;
  /** How long one request to Vault may take. Default 5. */
  readonly requestTimeoutSeconds?: number;
  /** As for the reaper. Default 5: Vault's clock is this machine's. */
  readonly loginSkewSeconds?: number;
  /** After how long without a sign of life the running watchdog takes a delivery over. Default 3. */
  readonly staleSeconds?: number;
};

export type DeliveryRig = Awaited<ReturnType<typeof createDeliveryRig>>;

export async function createDeliveryRig(options: RigOptions) {
  const { vault, loginSeconds = 5, staleSeconds = 3, gives = () => 'proxied' as const } = options;
  const { amend = (): Amendment => ({}) } = options;
  const directory = mkdtempSync(join(tmpdir(), 'airlock-deliver-'));
  const artifact = makeReleaseArtifact();
  const signing = generateKeyPairSync('ed25519');
  const login = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Logins belong to the whole Postgres, and a real Vault may be shared: every name has this in it.
  const run = randomBytes(3).toString('hex');
  const appOwner = `app_owner_d_${run}`;
  const vaultAdmin = `vault_d_${run}`;
  const reaperRole = `watchdog-${run}`;
  const stopping = new AbortController();
  const runs = { ledger: true, reaper: true };

  const { createDatabase, ...server } = await testPostgres();
  const [name, productionName] = [await createDatabase(), await createDatabase()];
  const pool = { ...server, database: name };
  await migrate({
    pool,
    migrationsDirectory: join(repositoryRoot, 'prisma/prod-gate/migrations'),
    grantsFile: join(repositoryRoot, 'prisma/prod-gate/grants.sql'),
  });
  const admin = new pg.Pool({ ...pool, max: 2 });
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password);
  // With each process's own rights.
  const connectionAs = async (role: string) => {
    const user = `${role}_${run}`;
    await admin.query(`create role ${user} login password '${password}' in role ${role}`);
    return { host: server.host, port: server.port, name, user, passwordFile };
  };
  const connections = {
    deliverer: await connectionAs('gate_deliverer'),
    watchdog: await connectionAs('gate_watchdog'),
  };
  const asDeliverer = openDatabase(connections.deliverer);
  const asWatchdog = openDatabase(connections.watchdog);
  const asIntake = openDatabase(await connectionAs('gate_intake'));
  const asAuthority = openDatabase(await connectionAs('gate_authority'));

  const production = new pg.Pool({ ...server, database: productionName, max: 2 });
  for (const statement of productionPostgresSetup({
    ...{ vaultAdmin, password, appOwner, database: productionName },
  })) {
    await production.query(statement);
  }

  const databaseMount = `database-${run}`;
  const kvMount = `kv-${run}`;
  const connection = {
    ...{ host: server.host, port: server.port, database: productionName },
    ...{ username: vaultAdmin, password: new Secret(password), appOwner },
  };
  const vaultTargets = options.targets.map((target, index): VaultTarget => ({
    target,
    jwtMount: `jwt-${run}-${target}`,
    jwtRole: target,
    ttlSeconds,
    reads: [
      { as: 'db', kind: 'database', mount: databaseMount, role: `r${index}x` },
      ...(gives(target) === 'several'
        ? ([
            { as: 'spare', kind: 'database', mount: databaseMount, role: `s${index}x` },
            { as: 'token', kind: 'kv', mount: kvMount, path: target, field: 'value' },
          ] as const)
        : []),
    ],
    connections: { db: connection, spare: connection },
  }));
  await applyVaultSetup({
    address: vault.address,
    token: vault.rootToken,
    calls: planVaultSetup({
      targets: vaultTargets,
      reaper: { roleName: reaperRole },
      issuer,
      authorityPublicKeyPem: login.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    }),
  });

  await asRoot('POST', `sys/mounts/${kvMount}`, { type: 'kv', options: { version: '2' } });
  for (const { target } of vaultTargets) {
    await asRoot('POST', `${kvMount}/data/${target}`, {
      data: { value: randomBytes(12).toString('hex') },
    });
  }

  const { hooks, store, socket, policies } = placesOf({ directory });
  for (const path of [hooks, store, policies]) mkdirSync(path);
  writeFileSync(join(store, artifact.sha256), artifact.bytes);
  const hookOf = await options.installHooks(hooks);
  for (const target of vaultTargets) {
    const document = policyDocument(
      { ...target, hook: hookOf(target.target), gives: gives(target.target) },
      { host: server.host, port: server.port, name: productionName },
    );
    const { deliver, ...beside } = amend(target.target);
    const whole = { ...document, ...beside, deliver: { ...document.deliver, ...deliver } };
    writeFileSync(join(policies, `${target.target}.json`), JSON.stringify(whole));
  }
  const settings: RigSettings = {
    directory,
    postgres: connections.deliverer,
    vaultAddress: vault.address,
    vkey: vkeyOf(ledgerName, signing.publicKey),
    loginSeconds,
    requestTimeoutSeconds: options.requestTimeoutSeconds ?? 5,
    loginSkewSeconds: options.loginSkewSeconds ?? 5,
  };
  const keyFile = join(directory, 'authority.key');
  writeFileSync(keyFile, login.privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
  const identity = await reaperIdentity();
  const authority = await startAuthorityServer({
    ...{ socketPath: socket, socketMode: 0o600, log: quiet },
    mint: authorityMint(),
  });
  const reaper = createRigReaper({
    ...{ settings, identity, staleSeconds, database: asWatchdog },
  });
  const loops = [
    startLoop({
      ...{ name: 'sequencer', intervalMs: 100, signal: stopping.signal, log: quiet },
      async run() {
        if (!runs.ledger) return;
        await sequenceLedger({
          sequencer: createLedgerSequencer(asWatchdog.pool),
          signer: { name: ledgerName, privateKey: signing.privateKey },
        });
      },
    }),
    startLoop({
      ...{ name: 'reaper', intervalMs: 100, signal: stopping.signal, log: quiet },
      async run() {
        if (runs.reaper) await reaper.pass();
      },
    }),
  ];
  const [, reaping] = loops;
  const listening = listen({
    ...{ pool: asWatchdog.pool, channel: 'session_revoking', signal: stopping.signal },
    onBell: () => reaping?.wake(),
  });

  async function reaperIdentity() {
    const { roleId, secretId } = await issueReaperSecretId({
      address: vault.address,
      token: vault.rootToken,
      roleName: reaperRole,
    });
    const [roleIdFile, secretIdFile] = [join(directory, 'role-id'), join(directory, 'secret-id')];
    writeFileSync(roleIdFile, roleId);
    writeFileSync(secretIdFile, secretId, { mode: 0o600 });
    return { kind: 'approle' as const, roleIdFile, secretIdFile };
  }

  function authorityMint() {
    const parts = createRigDeliverer(settings, asAuthority);
    return mintLogin({
      ...{ transactor: asAuthority, recorder, issuer, loginSeconds, clock },
      promotions: parts.promotions,
      deliveries: parts.deliveries,
      sessions: parts.sessions,
      judge: parts.judge,
      policyOf: (target) => Promise.resolve(policyOf(settings, target)),
      files: () =>
        Promise.resolve({ trustDigest: '7'.repeat(64), manifest: { digest: '8'.repeat(64) } }),
      ledger: parts.proofs.facts,
      hookKind: (hook) => readHookKind(hooks, hook),
      signer: createLoginSigner(keyFile),
    });
  }

  async function asRoot(method: string, path: string, body?: object): Promise<void> {
    const answer = await fetch(`${vault.address}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': vault.rootToken, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
  }

  /** As Vault's root: what is listed below a prefix. */
  async function listed(prefix: string): Promise<string[]> {
    const answer = await fetch(`${vault.address}/v1/sys/leases/lookup/${prefix}/?list=true`, {
      headers: { 'X-Vault-Token': vault.rootToken },
    });
    if (answer.status === 404) return [];
    assert.equal(answer.status, 200, `LIST ${prefix}`);
    // As Vault's documentation says.
    const { data } = (await answer.json()) as { data: { keys: string[] } };
    return data.keys;
  }

  /** What a target still has at Vault and in production; asked as root and as superuser, never from the rows. */
  async function leftOf(
    target: string,
  ): Promise<{ tokens: number; leases: number; roles: number }> {
    const reads = policyOf(settings, target).policy.credentials.vault.reads;
    const left = { tokens: (await listed(`auth/jwt-${run}-${target}/login`)).length };
    let leases = 0;
    let roles = 0;
    for (const read of reads) {
      if (read.kind !== 'database') continue;
      leases += (await listed(readPathOf(read))).length;
      // Roles are the cluster's, which other rigs have theirs in; the owner is this rig's alone.
      const { rowCount } = await production.query(
        `select from pg_roles where rolname like $1 and pg_has_role(oid, $2, 'member')`,
        [`v-%-${read.role}-%`, appOwner],
      );
      roles += rowCount ?? 0;
    }
    return { ...left, leases, roles };
  }

  async function nothingLeft(target: string): Promise<void> {
    assert.deepEqual(await leftOf(target), { tokens: 0, leases: 0, roles: 0 });
  }

  /** The entries about a delivery, once the one that closes it is there, in the ledger's order. */
  async function entriesOf(deliveryId: string): Promise<LedgerEntry[]> {
    const read = async (): Promise<LedgerEntry[]> => {
      const rows = await createLedgerReader(asAuthority).entries(0, 10_000);
      return rows
        .map((row) => parseLedgerEntry(row.body))
        .filter((entry) => entry.refs['delivery'] === deliveryId);
    };
    await until(async () => (await read()).some(({ type }) => type === 'delivery.finished'));
    return await read();
  }

  const ledgerOf = async (deliveryId: string): Promise<string[]> =>
    (await entriesOf(deliveryId)).map(({ type }) => type);

  /** A promotion that waits, as intake would have left it. */
  async function admit(target: string, release = '2026.11.22-1'): Promise<string> {
    const id = formatId('prm', randomBytes(10));
    const digest = (): string => randomBytes(32).toString('hex');
    const now = clock();
    const policy = policyOf(settings, target);
    await asIntake.transaction((tx) =>
      createPromotionStore(asIntake).insert(tx, {
        id,
        target,
        release,
        subjectName: 'shop-api.tar.gz',
        artifactDigest: artifact.sha256,
        artifactSize: artifact.bytes.length,
        repository: 'file:///srv/shop-api.git',
        commit: releaseCommit,
        mainPosition: 4,
        pipeline: '.woodpecker.yaml',
        builderId: 'https://nonprod.example/builders/main@v1',
        keyIds: ['key'],
        reproduce: 1,
        returns: null,
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
        policyDigest: policy.digest,
        hook: policy.policy.deliver.hook,
        promotionDigest: digest(),
        delta: { base: null, commitCount: 0, commits: [], emails: [], fileCount: 0, files: [] },
        bundle: Buffer.from('bundle'),
        document: Buffer.from('{}'),
      }),
    );
    return id;
  }

  /** A process of its own, which is killed or stopped where its environment says. */
  function spawnTask(task: RigTask, failpoint?: string): RigChild {
    const child = spawn(
      process.execPath,
      [
        '--conditions=source',
        '--disable-warning=ExperimentalWarning',
        fileURLToPath(new URL('./rig-process.ts', import.meta.url)),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          PATH: process.env['PATH'] ?? '',
          AIRLOCK_DEMO: '1',
          AIRLOCK_TEST_RIG: JSON.stringify(task),
          ...(failpoint === undefined ? {} : { AIRLOCK_FAILPOINT: failpoint }),
        },
      },
    );
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = new Promise<string>((resolve) => {
      child.once('close', (code, signal) => {
        resolve(signal ?? `exit ${code ?? ''}`);
      });
    });
    return { process: child, ended, said: () => said };
  }

  return {
    settings,
    artifact,
    appOwner,
    runs,
    admin,
    production,
    asIntake,
    asDeliverer,
    asAuthority,
    asWatchdog,
    authorityMint,
    admit,
    leftOf,
    nothingLeft,
    entriesOf,
    ledgerOf,

    deliverer: (executor?: HookExecutor): RigDeliverer =>
      createRigDeliverer(settings, asDeliverer, executor),

    spawnDeliverer: (
      promotionId: string,
      at: { failpoint?: string; stopAt?: string; vaultAddress?: string } = {},
    ): RigChild =>
      spawnTask(
        {
          role: 'deliverer',
          settings: { ...settings, ...(at.vaultAddress && { vaultAddress: at.vaultAddress }) },
          promotionId,
          ...(at.stopAt && { stopAt: at.stopAt }),
        },
        at.failpoint,
      ),

    /** One pass of a watchdog in a process of its own. */
    spawnWatchdog: (
      staleAfter: number,
      at: { failpoint?: string; vaultAddress?: string } = {},
    ): RigChild =>
      spawnTask(
        {
          role: 'watchdog',
          settings: {
            ...settings,
            postgres: connections.watchdog,
            ...(at.vaultAddress && { vaultAddress: at.vaultAddress }),
          },
          identity,
          staleSeconds: staleAfter,
        },
        at.failpoint,
      ),

    /** Somebody revokes the leases of one delivery; the ledger has it not yet. @param matter `delivery:…` */
    async placeStop(matter: string): Promise<void> {
      const stop: Stop & { readonly reason: string } = {
        ...{ id: formatId('stp', randomBytes(10)), kind: 'revoke-leases', targets: [], matter },
        ...{ since: null, until: null, except: [], reason: 'its key was seen', person: 'leo' },
        placedAt: clock(),
      };
      await asDeliverer.transaction((tx) =>
        createStopStore(asDeliverer).insert(tx, { ...stop, digest: stopDigest(stop) }),
      );
    },

    /** A watchdog of its own in this process, that remembers nothing of an earlier one. */
    reaper: (staleAfter: number, onEvent?: (event: ReapEvent) => void): Reaper =>
      createRigReaper({
        ...{ settings, identity, staleSeconds: staleAfter, database: asWatchdog },
        ...(onEvent && { onEvent }),
      }),

    /** What the watchdog does beside its reaper: a second look when a login has ended. */
    lateLoginSweep: (onEvent: (event: LateLogin) => void) =>
      createLateLoginSweep({
        sessions: createVaultSessionStore(asWatchdog),
        ...{ reaper: rigVaultReaper(settings, identity), onEvent, clock },
        loginSkewSeconds: settings.loginSkewSeconds,
      }),

    async close(): Promise<void> {
      stopping.abort();
      await Promise.all([...loops.map(({ done }) => done), listening]);
      await authority.close();
      for (const database of [asIntake, asDeliverer, asAuthority, asWatchdog]) {
        await database.close();
      }
      await dismount();
      await admin.end();
      await production.end();
      rmSync(directory, { recursive: true, force: true });
    },
  };

  /** A real Vault may outlive the test. */
  async function dismount(): Promise<void> {
    const mounts = [
      ...vaultTargets.map(({ jwtMount }) => `sys/auth/${jwtMount}`),
      ...vaultTargets.map(({ target }) => `sys/policies/acl/airlock-target-${target}`),
      `sys/mounts/${databaseMount}`,
      `sys/mounts/${kvMount}`,
      `auth/approle/role/${reaperRole}`,
    ];
    for (const path of mounts) {
      await asRoot('DELETE', path);
    }
  }
}

export type RigChild = {
  readonly process: ChildProcess;
  /** Name of the signal that ended it, or `exit <code>`. */
  readonly ended: Promise<string>;
  /** Its standard output so far: of a deliverer that came to its end, the outcome as JSON. */
  said(): string;
};

/** Runs a delivery in this process. */
export async function deliver(
  dependencies: RunDependencies,
  started: StartedDelivery,
): Promise<DeliveryOutcome | null> {
  return await runDelivery(dependencies, started, new AbortController().signal);
}

export async function until(condition: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `not so within ${withinMs / 1000} s`);
    await sleep(50);
  }
}

function policyDocument(
  target: VaultTarget & { hook: string; gives: Giving },
  database: { host: string; port: number; name: string },
) {
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
        outlives: target.gives === 'several' ? ['by-hand'] : [],
      },
    },
    deliver: {
      hook: target.hook,
      timeout: '60s',
      params: {},
      egress: [
        {
          ...{ as: 'db', kind: 'postgres', ...database },
          ...(target.gives === 'descriptor' ? {} : { credential: 'db' }),
        },
      ],
    },
  };
}
