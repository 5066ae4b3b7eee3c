/**
 * One whole installation on loopback: both services as the processes that they are in production, with their own database
 * roles, keys and configuration files. The demo runs it, and so do the tests that attack and crash it.
 */
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signedIn } from '@airlock/cli/signed-in';
import type { WebSession } from '@airlock/cli/web-session';
import { startIdentityProvider } from '@airlock/testkit/idp';
import { startPostgres, type Postgres } from '@airlock/testkit/postgres';
import { startRedis, type Redis } from '@airlock/testkit/redis';
import { bubblewrap, findBinary } from '@airlock/testkit/system-packages';
import type pg from 'pg';
import { writeConfigs } from './configs.ts';
import { choosePorts, layoutAt, type Layout, type Ports, type Side } from './layout.ts';
import { bundleOf, processNames, root, type ProcessName } from './names.ts';
import { emailOf, people } from './people.ts';
import {
  adminPool,
  prepareDatabases,
  prepareVault,
  signByAdministrators,
  writeGateFiles,
} from './prepare.ts';
import type { Progress } from './progress.ts';
import { joinRunner } from './runner.ts';
import { pinnedKeys, provisionKeys, writePrivate, type Keys } from './provision.ts';
import { seedRepository, type DemoRepository } from './repository.ts';
import { startShop } from './shop.ts';
import { startProcess, type RunningProcess } from './supervisor.ts';
import { startVault, vaultNamesFor, type Vault } from './vault.ts';

export interface PairOptions {
  readonly directory: string;
  /** `preferred` tries the demo's well-known ports first. */
  readonly ports: 'preferred' | 'free';
  readonly progress: Progress;
  /** How many release managers must approve (1-2). Default 2. */
  readonly approvals?: number;
  /**
   * How many independent builders must have made the same bytes. With 2 a rebuilder runs; with 1 none does until it is
   * started, and the gate says in red what that means. Default 1.
   */
  readonly builders?: 1 | 2;
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
  /** One each: they share nothing that root on one side could use on the other. */
  readonly redis: Readonly<Record<Side, Redis>>;
  /** Pinned keys for `airlock verify`. */
  readonly pinnedFile: string;
  readonly ledgerVkey: string;
  signIn(service: Side, person: string): Promise<WebSession>;
  /** Runs a query as superuser of the cluster in one of its databases. */
  query<Row extends pg.QueryResultRow>(
    database: 'nonprod' | 'gate' | 'shop',
    text: string,
    values?: unknown[],
  ): Promise<Row[]>;
  process(name: ProcessName): RunningProcess;
  /** Starts a process that is not running, with more environment if given. */
  start(name: ProcessName, env?: Readonly<Record<string, string>>): Promise<RunningProcess>;
  /**
   * Changes the gate's configuration as its administrators would: `edit` gets a copy of the directory, both sign what it left,
   * and it is put in place. The gate decides by it from its next look on.
   */
  editConfiguration(edit: (directory: string) => void | Promise<void>): Promise<void>;
  /** Ends everything, in the order opposite to the start. */
  stop(): Promise<void>;
}

/** Starts everything; what was started is ended again when a later part fails. */
export async function startPair(options: PairOptions): Promise<Pair> {
  const { progress, builders = 1 } = options;
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
      async () => {
        const starting = (side: Side, port: number): Promise<Redis> =>
          startRedis({ directory: layout.redis[side], port }).then((started) => {
            closers.push(() => started.stop());
            return started;
          });
        const [nonprod, gate] = await Promise.all([
          starting('nonprod', ports.redis),
          starting('gate', ports.gateRedis),
        ]);
        return { nonprod, gate };
      },
      ({ nonprod, gate }) =>
        `redis (${nonprod.source}) at ${nonprod.url}, the gate's at ${gate.url}`,
    );
    const vault = await progress.step(
      'secrets engine',
      () => startVault({ port: ports.vault, directory: layout.directory }),
      ({ kind, address }) =>
        kind === 'stand-in'
          ? `secrets engine: built-in stand-in at ${address}: real Postgres roles, not for production`
          : `secrets engine: ${kind} at ${address}`,
    );
    closers.push(() => vault.stop());

    const shop = await progress.step(
      'shop',
      () => startShop({ port: ports.shop, postgres }),
      ({ url }) => `the shop, which runs in "production", says what it serves at ${url}`,
    );
    closers.push(() => shop.close());

    const keys = await progress.step('keys, certificates, databases, Vault set-up', async () => {
      const made = await provisionKeys(layout);
      await prepareDatabases(layout, postgres);
      const { remove } = await prepareVault({
        ...{ layout, postgres, vault, keys: made },
        names: vaultNamesFor(vault, made),
      });
      if (vault.isShared) closers.push(remove);
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
      () => seedRepository(layout.git, keys.forge),
      () => 'repository shop-api: 4 commits on main',
    );

    const pinnedFile = writePrivate(join(layout.directory, 'pinned.json'), '');
    const files = await progress.step('targets, roster, trust and hook', () =>
      writeGateFiles({
        layout,
        keys,
        names: vaultNamesFor(vault, keys),
        ports,
        repository,
        origins,
        approvals: options.approvals ?? 2,
        builders,
      }),
    );
    writeFileSync(pinnedFile, pinnedKeys(keys, files.trust));
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
          processNames
            .filter((name) => name !== 'runner' && name !== 'rebuilder')
            .map((name) => start(name)),
        );
        // Only now is every process that did start known to be ended again.
        for (const each of starts) if (each.status === 'rejected') throw each.reason;
        await joinRunner({
          nonprodOrigin: origins.nonprod,
          enrolmentUrl: `https://127.0.0.1:${ports.enrolment}`,
          directory: keys.runner.directory,
        });
        // These two ask a web process for work from their first moment on.
        await Promise.all([start('runner'), ...(builders === 2 ? [start('rebuilder')] : [])]);
      },
      () =>
        `non-prod CI (3 processes), signer, runner (${isolation === 'none' ? 'NOT ISOLATED' : 'bubblewrap, no network'}), prod gate (5 processes)${builders === 2 ? ', and a rebuilder of other administrators' : ''}`,
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
      signIn: (service, person) => signedIn(origins[service], person),
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
      editConfiguration: (edit) => editConfiguration(layout, keys, edit),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function editConfiguration(
  layout: Layout,
  keys: Keys,
  edit: (directory: string) => void | Promise<void>,
): Promise<void> {
  const draft = join(layout.work, 'configuration');
  rmSync(draft, { recursive: true, force: true });
  const hooks = join(layout.gateConfig, 'hooks');
  cpSync(layout.gateConfig, draft, { recursive: true, filter: (from) => from !== hooks });
  await edit(draft);
  await signByAdministrators(draft, keys);
  // What fits no manifest for this moment is looked at again by the gate.
  for (const name of readdirSync(join(layout.gateConfig, 'targets'))) {
    if (!existsSync(join(draft, 'targets', name))) rmSync(join(layout.gateConfig, 'targets', name));
  }
  cpSync(draft, layout.gateConfig, { recursive: true, force: true });
}

/** What the gate's pages read, and none of the keys that the other processes of the demo's one user hold. */
const readableByGateWeb = (layout: Layout): string[] => [
  join(root, 'dist'),
  join(layout.config, 'gate-web.yaml'),
  layout.gateConfig,
  layout.administratorsFile,
  join(layout.config, 'emergency-stop'),
  join(layout.artifacts, 'gate'),
  join(layout.keys, 'saml-gate.pem'),
  join(layout.keys, 'saml-gate.key'),
  join(layout.keys, 'idp/certificate.pem'),
  join(layout.keys, 'database/gate_web'),
  join(layout.keys, 'rebuild-edge/ca.pem'),
  join(layout.keys, 'rebuild-edge/server.pem'),
  join(layout.keys, 'rebuild-edge/server.key'),
];

/** Node's permission model: reads below these directories, no write, no child process, no worker, no addon. */
const confinedTo = (directories: readonly string[]): string[] => [
  '--permission',
  ...directories.map((directory) => `--allow-fs-read=${directory}`),
];
