/**
 * One whole installation on loopback: both services as the processes that they are in production, with their own database
 * roles, keys and configuration files. The demo runs it, and so do the tests that attack and crash it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signInToDemo, type WebSession } from '@airlock/cli/web-session';
import { pinnedHook } from '@airlock/cli/setup/hook-digest';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { applyVaultSetup, issueReaperSecretId } from '@airlock/cli/vault/apply';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import { migrate } from '@airlock/database/migrate';
import { buildHook } from '@airlock/hooks/build';
import { startIdentityProvider } from '@airlock/testkit/idp';
import { startPostgres, type Postgres } from '@airlock/testkit/postgres';
import { startRedis, type Redis } from '@airlock/testkit/redis';
import { bubblewrap, findBinary } from '@airlock/testkit/system-packages';
import pg from 'pg';
import { stringify } from 'yaml';
import { choosePorts, layoutAt, type Layout, type Ports } from './layout.ts';
import { emailOf, people } from './people.ts';
import type { Progress } from './progress.ts';
import {
  ledgerOrigin,
  passwordFile,
  provisionKeys,
  trustFile,
  writeConfig,
  writePrivate,
  type Keys,
} from './provision.ts';
import { seedRepository, type DemoRepository } from './repository.ts';
import { startProcess, type RunningProcess } from './supervisor.ts';
import { startVault, type Vault } from './vault.ts';

const root = join(import.meta.dirname, '../../..');

/** The demo's one target, its "production" database and the names that Vault knows it by. */
export const target = 'prod-eu';
const production = { database: 'shop', appOwner: 'shop_owner', vaultAdmin: 'vault_shop' };
const vaultNames = {
  jwtMount: `jwt-${target}`,
  jwtRole: 'delivery',
  databaseMount: 'database',
  databaseRole: `shop-${target}`,
};
const issuer = 'https://gate.demo.airlock.example/authority';
const reaperRole = 'airlock-reaper';

export const processNames = [
  'nonprod-web',
  'nonprod-scheduler',
  'nonprod-outbox',
  'signer',
  'runner',
  'gate-intake',
  'gate-web',
  'gate-authority',
  'gate-deliverer',
  'gate-watchdog',
] as const;
export type ProcessName = (typeof processNames)[number];

/** Where the build puts each process, below `dist/`. */
export const bundleOf: Record<ProcessName, string> = {
  'nonprod-web': 'nonprod/web.mjs',
  'nonprod-scheduler': 'nonprod/scheduler.mjs',
  'nonprod-outbox': 'nonprod/outbox.mjs',
  signer: 'signer/signer.mjs',
  runner: 'runner/agent.mjs',
  'gate-intake': 'prod-gate/intake.mjs',
  'gate-web': 'prod-gate/web.mjs',
  'gate-authority': 'prod-gate/authority.mjs',
  'gate-deliverer': 'prod-gate/deliverer.mjs',
  'gate-watchdog': 'prod-gate/watchdog.mjs',
};

export interface PairOptions {
  readonly directory: string;
  /** `preferred` tries the demo's well-known ports first. */
  readonly ports: 'preferred' | 'free';
  readonly progress: Progress;
  /** How many release managers must approve (1-2). Default 2. */
  readonly approvals?: number;
}

export interface Pair {
  /** Of builds and hooks; `none` where bubblewrap is missing. */
  readonly isolation: 'bubblewrap' | 'none';
  readonly layout: Layout;
  readonly ports: Ports;
  readonly keys: Keys;
  readonly repository: DemoRepository;
  readonly nonprodOrigin: string;
  readonly gateOrigin: string;
  readonly vault: Vault;
  readonly postgres: Postgres;
  readonly redis: Redis;
  /** Pinned keys for `airlock verify`. */
  readonly pinnedFile: string;
  readonly ledgerVkey: string;
  signIn(service: 'nonprod' | 'gate', person: string): Promise<WebSession>;
  /** Runs a query as superuser of the cluster in one of its databases. */
  query<Row extends pg.QueryResultRow>(
    database: 'nonprod' | 'gate' | 'shop',
    text: string,
    values?: unknown[],
  ): Promise<Row[]>;
  process(name: ProcessName): RunningProcess;
  /** Starts a process that is not running, with more environment if given. */
  start(name: ProcessName, env?: Readonly<Record<string, string>>): Promise<RunningProcess>;
  /** Ends everything, in the order opposite to the start. */
  stop(): Promise<void>;
}

/** Starts everything; what was started is ended again when a later part fails. */
export async function startPair(options: PairOptions): Promise<Pair> {
  const { progress } = options;
  const isolation = findBinary(bubblewrap) === null ? 'none' : 'bubblewrap';
  const layout = layoutAt(options.directory);
  const ports = await choosePorts(options.ports);
  const origins = {
    nonprod: `http://nonprod.localhost:${ports.nonprod}`,
    gate: `http://gate.localhost:${ports.gate}`,
  };
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  try {
    const postgres = await progress.step(
      'postgres',
      () => startPostgres({ directory: layout.postgres, port: ports.postgres }),
      ({ host, port, source }) =>
        `postgres (${source}) on ${host}:${port}: nonprod, gate, and shop, the "production" one`,
    );
    closers.push(() => postgres.stop());
    const redis = await progress.step(
      'redis',
      () => startRedis({ directory: layout.redis, port: ports.redis }),
      ({ url, source }) => `redis (${source}) at ${url}`,
    );
    closers.push(() => redis.stop());
    const vault = await progress.step(
      'secrets engine',
      () => startVault({ port: ports.vault, directory: layout.directory }),
      ({ kind, address }) =>
        kind === 'stand-in'
          ? `secrets engine: built-in stand-in at ${address}: real Postgres roles, not for production`
          : `secrets engine: ${kind} at ${address}`,
    );
    closers.push(() => vault.stop());

    const keys = await progress.step('keys, certificates, databases, Vault set-up', async () => {
      const made = await provisionKeys(layout);
      await prepareDatabases(layout, postgres);
      await prepareVault({ layout, postgres, vault, keys: made });
      return made;
    });
    const idp = await progress.step(
      'sign-in server (SAML)',
      () =>
        startIdentityProvider({
          port: ports.identityProvider,
          entityId: 'https://idp.demo.airlock.example/metadata',
          people: people.map((person) => ({
            id: person.id,
            name: person.name,
            email: emailOf(person),
            groups: [...person.groups],
          })),
          serviceProviders: (['nonprod', 'gate'] as const).map((service) => ({
            entityId: `${origins[service]}/saml/metadata`,
            acs: `${origins[service]}/auth/saml/acs`,
            certificatePem: keys.saml[service].certificatePem,
          })),
          keyDirectory: join(layout.keys, 'idp'),
        }),
      ({ url }) => `sign-in server (SAML) at ${url} with ${people.length} people`,
    );
    closers.push(() => idp.stop());
    const repository = await progress.step(
      'repository',
      () => seedRepository(layout.git),
      () => 'repository shop-api: 4 commits on main',
    );

    const pinnedFile = writePrivate(join(layout.directory, 'pinned.json'), '');
    const files = await progress.step('targets, roster, trust and hook', () =>
      writeGateFiles({
        layout,
        keys,
        ports,
        repository,
        origins,
        approvals: options.approvals ?? 2,
      }),
    );
    writeFileSync(
      pinnedFile,
      JSON.stringify({ ...JSON.parse(files.trust), ledger: keys.ledger.vkey }, null, 2),
    );
    const configs = await writeConfigs({
      layout,
      keys,
      ports,
      repository,
      origins,
      idp,
      vault,
      redis,
      isolation,
    });

    const running = new Map<ProcessName, RunningProcess>();
    closers.push(async () => {
      await Promise.all([...running.values()].map((each) => each.stop()));
    });
    const start = async (
      name: ProcessName,
      env: Readonly<Record<string, string>> = {},
    ): Promise<RunningProcess> => {
      const started = await startProcess({
        name,
        command: [
          process.execPath,
          ...(name === 'gate-web' ? confinedTo(readableByGateWeb(layout)) : []),
          join(root, 'dist', bundleOf[name]),
          '--config',
          configs[name],
        ],
        logFile: join(layout.logs, `${name}.log`),
        env: {
          PATH: process.env['PATH'] ?? '/usr/bin:/bin',
          AIRLOCK_DEMO: '1',
          NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'),
          ...env,
        },
      });
      running.set(name, started);
      return started;
    };
    await progress.step(
      'non-prod CI, runner, signer and prod gate',
      async () => {
        const starts = await Promise.allSettled(
          processNames.filter((name) => name !== 'runner').map((name) => start(name)),
        );
        // Only now is every process that did start known to be ended again.
        for (const each of starts) if (each.status === 'rejected') throw each.reason;
        // The runner asks the web process for work from its first moment on.
        await start('runner');
      },
      () =>
        `non-prod CI (3 processes), signer, runner (${isolation === 'none' ? 'NOT ISOLATED' : 'bubblewrap, no network'}), prod gate (5 processes)`,
    );

    const pools = new Map<string, pg.Pool>();
    closers.push(async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    });
    return {
      isolation,
      layout,
      ports,
      keys,
      repository,
      nonprodOrigin: origins.nonprod,
      gateOrigin: origins.gate,
      vault,
      postgres,
      redis,
      pinnedFile,
      ledgerVkey: keys.ledger.vkey,
      signIn: (service, person) => signInToDemo(origins[service], person),
      async query<Row extends pg.QueryResultRow>(
        database: string,
        text: string,
        values?: unknown[],
      ) {
        let pool = pools.get(database);
        if (pool === undefined) {
          pool = adminPool(postgres, database);
          pools.set(database, pool);
        }
        return (await pool.query<Row>(text, values)).rows;
      },
      process(name) {
        const found = running.get(name);
        if (found === undefined) throw new Error(`${name} was never started`);
        return found;
      },
      start,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the gate's pages read, and none of the keys that the other processes of the demo's one user hold. */
const readableByGateWeb = (layout: Layout): string[] => [
  join(root, 'dist'),
  join(layout.config, 'gate-web.yaml'),
  layout.gateConfig,
  join(layout.artifacts, 'gate'),
  join(layout.keys, 'saml-gate.pem'),
  join(layout.keys, 'saml-gate.key'),
  join(layout.keys, 'idp/certificate.pem'),
  join(layout.keys, 'database/gate_web'),
];

/** Node's permission model: reads below these directories, no write, no child process, no worker, no addon. */
const confinedTo = (directories: readonly string[]): string[] => [
  '--permission',
  ...directories.map((directory) => `--allow-fs-read=${directory}`),
];

const adminPool = (postgres: Postgres, database: string): pg.Pool => {
  const pool = new pg.Pool({
    host: postgres.host,
    port: postgres.port,
    user: postgres.superuser,
    password: postgres.password,
    database,
    max: 2,
  });
  // The cluster ends before this pool when the demo is stopped by force; an idle client's loss is then no news.
  pool.on('error', () => {});
  return pool;
};

const databaseRoles = {
  nonprod: ['nonprod_web', 'nonprod_scheduler', 'nonprod_outbox'],
  gate: ['gate_intake', 'gate_web', 'gate_authority', 'gate_deliverer', 'gate_watchdog'],
};

async function prepareDatabases(layout: Layout, postgres: Postgres): Promise<void> {
  const admin = {
    host: postgres.host,
    port: postgres.port,
    user: postgres.superuser,
    password: postgres.password,
  };
  for (const [database, schema] of [
    ['nonprod', 'nonprod'],
    ['gate', 'prod-gate'],
  ] as const) {
    await postgres.createDatabase(database);
    await migrate({
      pool: { ...admin, database },
      migrationsDirectory: join(root, `prisma/${schema}/migrations`),
      grantsFile: join(root, `prisma/${schema}/grants.sql`),
    });
    const pool = adminPool(postgres, database);
    try {
      for (const role of databaseRoles[database]) {
        const { password } = await passwordFile(layout, role);
        await pool.query(`alter role "${role}" login password '${password}'`);
      }
    } finally {
      await pool.end();
    }
  }
  await postgres.createDatabase(production.database);
  const { password } = await passwordFile(layout, production.vaultAdmin);
  const pool = adminPool(postgres, production.database);
  try {
    for (const statement of productionPostgresSetup({ ...production, password }))
      await pool.query(statement);
    // A role of an earlier, killed demo: its Vault, which would have dropped it, was in memory.
    const { rows } = await pool.query<{ rolname: string }>(
      `select rolname from pg_roles where rolname like 'v-%'`,
    );
    for (const { rolname } of rows)
      await pool.query('select airlock_admin.drop_ephemeral($1)', [rolname]);
  } finally {
    await pool.end();
  }
}

async function prepareVault(given: {
  layout: Layout;
  postgres: Postgres;
  vault: Vault;
  keys: Keys;
}): Promise<void> {
  const { layout, postgres, vault, keys } = given;
  const { password } = await passwordFile(layout, production.vaultAdmin);
  const access = { address: vault.address, token: vault.rootToken };
  await applyVaultSetup({
    ...access,
    calls: planVaultSetup({
      targets: [
        {
          target,
          ...vaultNames,
          ttlSeconds: 180,
          connection: {
            host: postgres.host,
            port: postgres.port,
            database: production.database,
            username: production.vaultAdmin,
            password,
          },
          appOwner: production.appOwner,
        },
      ],
      reaper: { roleName: reaperRole },
      issuer,
      authorityPublicKeyPem: keys.authority.publicKeyPem,
    }),
  });
  const { roleId, secretId } = await issueReaperSecretId({ ...access, roleName: reaperRole });
  writePrivate(join(layout.keys, 'reaper/role-id'), `${roleId}\n`);
  writePrivate(join(layout.keys, 'reaper/secret-id'), `${secretId}\n`);
}

interface Origins {
  readonly nonprod: string;
  readonly gate: string;
}

const buildersOf = (origins: Origins): { main: string; pr: string } => ({
  main: `${origins.nonprod}/builders/main@v1`,
  pr: `${origins.nonprod}/builders/pr@v1`,
});

async function writeGateFiles(given: {
  layout: Layout;
  keys: Keys;
  ports: Ports;
  repository: DemoRepository;
  origins: Origins;
  approvals: number;
}): Promise<{ trust: string }> {
  const { layout, keys, ports, repository, origins, approvals } = given;
  const hook = await pinnedHook(await buildHook('load-release', join(layout.gateConfig, 'hooks')));
  mkdirSync(join(layout.gateConfig, 'targets'), { recursive: true });
  writeFileSync(
    join(layout.gateConfig, `targets/${target}.yaml`),
    stringify({
      version: 1,
      target,
      admits: [
        {
          repo: repository.url,
          refs: ['refs/heads/main'],
          pipeline: '.woodpecker.yaml',
          releaseFile: '.airlock/release.yaml',
          subject: 'shop-api.tar.gz',
          builders: { id: buildersOf(origins).main, threshold: 1 },
          maxAge: '14d',
          tests: 'required',
          signedCommits: 'not-required',
        },
      ],
      approvals: {
        rules: [{ role: 'release-manager', count: approvals }],
        exclude: ['requester', 'authors', 'committers'],
        expires: '24h',
      },
      credentials: { vault: { ...vaultNames, ttl: '3m' } },
      deliver: {
        hook,
        timeout: '2m',
        params: { table: 'product' },
        database: { host: '127.0.0.1', port: ports.postgres, name: production.database },
      },
    }),
  );
  writeFileSync(
    join(layout.gateConfig, 'roster.yaml'),
    stringify({
      version: 1,
      people: people.map((person) => ({
        id: person.id,
        name: person.name,
        nameId: emailOf(person),
        roles: [...person.roles],
        gitEmails: [emailOf(person)],
      })),
    }),
  );
  const trust = trustFile(keys, buildersOf(origins));
  writeFileSync(join(layout.gateConfig, 'trust.json'), trust);
  writeFileSync(join(layout.gateConfig, 'ledger.vkey'), `${keys.ledger.vkey}\n`);
  return { trust };
}

async function writeConfigs(given: {
  layout: Layout;
  keys: Keys;
  ports: Ports;
  repository: DemoRepository;
  origins: Origins;
  idp: { url: string; entityId: string; certificatePem: string };
  vault: Vault;
  redis: Redis;
  isolation: Pair['isolation'];
}): Promise<Record<ProcessName, string>> {
  const { layout, keys, ports, repository, origins, idp, vault, redis, isolation } = given;
  const database = async (name: string, user: string): Promise<Record<string, unknown>> => ({
    host: '127.0.0.1',
    port: ports.postgres,
    name,
    user,
    passwordFile: (await passwordFile(layout, user)).file,
  });
  const idpCertificateFile = writePrivate(
    join(layout.keys, 'idp/certificate.pem'),
    idp.certificatePem,
  );
  const saml = (service: 'nonprod' | 'gate'): Record<string, unknown> => ({
    entityId: `${origins[service]}/saml/metadata`,
    idp: {
      entityId: idp.entityId,
      signInUrl: `${idp.url}/sso`,
      certificateFile: idpCertificateFile,
    },
    keyFile: keys.saml[service].keyFile,
    certificateFile: keys.saml[service].certificateFile,
  });
  const { runner: runnerEdge, gate: gateEdge } = keys.edges;
  const nonprodRepository = { name: 'shop/shop-api', url: repository.url, mainBranch: 'main' };
  const nonprodMirror = join(layout.mirrors, 'nonprod.git');
  const nonprodArtifacts = join(layout.artifacts, 'nonprod');
  const gateArtifacts = join(layout.artifacts, 'gate');
  const gateMirrors = [
    {
      repository: repository.url,
      directory: join(layout.mirrors, 'gate.git'),
      protocols: ['file'],
    },
  ];
  for (const directory of [
    nonprodArtifacts,
    gateArtifacts,
    join(layout.work, 'runner'),
    join(layout.work, 'hooks'),
  ]) {
    mkdirSync(directory, { recursive: true });
  }
  const files = {
    targetsDirectory: join(layout.gateConfig, 'targets'),
    rosterFile: join(layout.gateConfig, 'roster.yaml'),
    trustFile: join(layout.gateConfig, 'trust.json'),
    hooksDirectory: join(layout.gateConfig, 'hooks'),
  };
  const decision = {
    gate: origins.gate,
    files,
    ledgerKeyFile: join(layout.gateConfig, 'ledger.vkey'),
    artifactsDirectory: gateArtifacts,
    mirrors: gateMirrors,
  };
  const assetsDirectory = join(root, 'dist/assets');
  const redisBlock = { url: redis.url };
  const webhookSecretFile = (await passwordFile(layout, 'webhook')).file;
  return {
    'nonprod-web': writeConfig(layout, 'nonprod-web', {
      origin: origins.nonprod,
      listen: { host: '127.0.0.1', port: ports.nonprod },
      runnerApi: {
        host: '127.0.0.1',
        port: ports.runnerApi,
        caFile: runnerEdge.caFile,
        ...runnerEdge.server,
      },
      runners: [{ id: 'runner-1', pools: ['default'] }],
      database: await database('nonprod', 'nonprod_web'),
      redis: redisBlock,
      repository: nonprodRepository,
      mirrorDirectory: nonprodMirror,
      artifactsDirectory: nonprodArtifacts,
      assetsDirectory,
      saml: saml('nonprod'),
      groups: { developers: 'developer' },
      webhooks: [{ provider: 'github', secretFile: webhookSecretFile }],
    }),
    'nonprod-scheduler': writeConfig(layout, 'nonprod-scheduler', {
      origin: origins.nonprod,
      repository: nonprodRepository,
      git: {
        url: repository.url,
        mirrorDirectory: nonprodMirror,
        protocols: ['file'],
        pollSeconds: 1,
      },
      database: await database('nonprod', 'nonprod_scheduler'),
      redis: redisBlock,
      artifactsDirectory: nonprodArtifacts,
      signer: { socketPath: layout.signerSocket },
      pullRequests: 'run',
      sweepSeconds: 1,
    }),
    'nonprod-outbox': writeConfig(layout, 'nonprod-outbox', {
      listener: {
        host: '127.0.0.1',
        port: ports.outbox,
        caFile: gateEdge.caFile,
        ...gateEdge.server,
      },
      database: await database('nonprod', 'nonprod_outbox'),
      artifactsDirectory: nonprodArtifacts,
    }),
    signer: writeConfig(layout, 'signer', {
      socketPath: layout.signerSocket,
      repository: repository.url,
      git: {
        url: repository.url,
        mirrorDirectory: join(layout.mirrors, 'signer.git'),
        protocols: ['file'],
      },
      builderIds: buildersOf(origins),
      keys: {
        main: keys.signing.main.keyFile,
        pr: keys.signing.pr.keyFile,
        test: keys.signing.test.keyFile,
        promotion: keys.signing.promotion.keyFile,
      },
    }),
    runner: writeConfig(layout, 'runner', {
      controlPlane: {
        url: `https://127.0.0.1:${ports.runnerApi}`,
        caFile: runnerEdge.caFile,
        ...runnerEdge.client,
        serverIdentity: 'airlock:nonprod:runner-api',
      },
      pool: 'default',
      workDirectory: join(layout.work, 'runner'),
      isolation,
      pollSeconds: 0.5,
    }),
    'gate-intake': writeConfig(layout, 'gate-intake', {
      database: await database('gate', 'gate_intake'),
      gate: origins.gate,
      files,
      outbox: {
        url: `https://127.0.0.1:${ports.outbox}`,
        caFile: gateEdge.caFile,
        ...gateEdge.client,
      },
      mirrors: gateMirrors,
      artifactsDirectory: gateArtifacts,
      pollSeconds: 0.5,
    }),
    'gate-web': writeConfig(layout, 'gate-web', {
      origin: origins.gate,
      listen: { host: '127.0.0.1', port: ports.gate },
      database: await database('gate', 'gate_web'),
      redis: redisBlock,
      files,
      ledgerKeyFile: join(layout.gateConfig, 'ledger.vkey'),
      artifactsDirectory: gateArtifacts,
      assetsDirectory,
      saml: saml('gate'),
      nonprodOrigin: origins.nonprod,
    }),
    'gate-authority': writeConfig(layout, 'gate-authority', {
      ...decision,
      database: await database('gate', 'gate_authority'),
      socketPath: layout.authoritySocket,
      keyFile: keys.authority.keyFile,
      issuer,
    }),
    'gate-deliverer': writeConfig(layout, 'gate-deliverer', {
      ...decision,
      database: await database('gate', 'gate_deliverer'),
      redis: redisBlock,
      authority: { socketPath: layout.authoritySocket },
      vault: { address: vault.address },
      hooks: { workDirectory: join(layout.work, 'hooks'), isolation },
      staleSeconds: 3,
    }),
    'gate-watchdog': writeConfig(layout, 'gate-watchdog', {
      database: await database('gate', 'gate_watchdog'),
      ledger: { origin: ledgerOrigin, keyFile: keys.ledger.keyFile },
      vault: {
        address: vault.address,
        identity: {
          roleIdFile: join(layout.keys, 'reaper/role-id'),
          secretIdFile: join(layout.keys, 'reaper/secret-id'),
        },
      },
      staleSeconds: 3,
    }),
  };
}
