/** Prepares what the processes find: databases with a role each, the secrets engine, and the gate's reviewed files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signingKeyOf } from '@airlock/cli/setup/administrators';
import { pinnedHook } from '@airlock/cli/setup/hook-digest';
import { signConfiguration } from '@airlock/cli/setup/signed-configuration';
import { applyVaultSetup, removeVaultSetup } from '@airlock/cli/vault/apply';
import { issueReaperSecretId } from '@airlock/cli/vault/reaper-secret';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import { Secret } from '@airlock/common/secret';
import { machineImage } from '@airlock/build/machine-image';
import { migrate } from '@airlock/database/migrate';
import { buildHook } from '@airlock/hooks/build';
import type { Postgres } from '@airlock/testkit/postgres';
import pg from 'pg';
import { stringify } from 'yaml';
import type { Layout, Ports } from './layout.ts';
import {
  buildersOf,
  issuer,
  production,
  rebuilder,
  root,
  target,
  type VaultNames,
  type Origins,
} from './names.ts';
import { emailOf, people } from './people.ts';
import { passwordFile, rootOfTrust, trustFile, writePrivate, type Keys } from './provision.ts';
import type { DemoRepository } from './repository.ts';
import type { Vault } from './vault.ts';

/** Connections of the cluster's superuser to one of its databases. */
export const adminPool = (postgres: Postgres, database: string): pg.Pool => {
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
  gate: [
    'gate_intake',
    'gate_web',
    'gate_authority',
    'gate_deliverer',
    'gate_watchdog',
    'gate_audit',
  ],
};

export async function prepareDatabases(layout: Layout, postgres: Postgres): Promise<void> {
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

/** @returns takes back what this made at a Vault that goes on after the demo. */
export async function prepareVault(given: {
  layout: Layout;
  postgres: Postgres;
  vault: Vault;
  names: VaultNames;
  keys: Keys;
}): Promise<{ remove: () => Promise<void> }> {
  const { layout, postgres, vault, keys } = given;
  const { login, policyName, reaperRole } = given.names;
  const { password } = await passwordFile(layout, production.vaultAdmin);
  const access = { address: vault.address, token: vault.rootToken };
  const calls = planVaultSetup({
    targets: [
      {
        target,
        policyName,
        ...login,
        ttlSeconds: 180,
        connections: {
          db: {
            host: postgres.host,
            port: postgres.port,
            database: production.database,
            username: production.vaultAdmin,
            password: new Secret(password),
            appOwner: production.appOwner,
          },
        },
      },
    ],
    reaper: { roleName: reaperRole },
    issuer,
    authorityPublicKeyPem: keys.authority.publicKeyPem,
  });
  // The password of a demo that was wiped is another one.
  await applyVaultSetup({ ...access, calls, rewriteSecrets: true });
  const { roleId, secretId } = await issueReaperSecretId({ ...access, roleName: reaperRole });
  writePrivate(join(layout.keys, 'reaper/role-id'), `${roleId}\n`);
  writePrivate(join(layout.keys, 'reaper/secret-id'), `${secretId}\n`);
  // The AppRole method has one place for everybody.
  const own = calls.filter(({ path }) => path !== 'sys/auth/approle');
  return { remove: () => removeVaultSetup({ ...access, calls: own }) };
}

/** Signs the configuration as it stands in a directory, with the keys of both administrators. */
export async function signByAdministrators(
  directory: string,
  { administrators }: Pick<Keys, 'administrators'>,
): Promise<void> {
  const [first, ...rest] = administrators.map(({ key }) => signingKeyOf(key));
  if (first === undefined) throw new Error('the demo has no administrator');
  await signConfiguration(directory, [first, ...rest]);
}

/** YAML that an editor completes and checks by the schema that the gate serves. */
function withSchema({ gate }: Origins, name: 'target' | 'roster', value: unknown): string {
  return `# yaml-language-server: $schema=${gate}/schema/${name}.v1.json\n${stringify(value)}`;
}

export async function writeGateFiles(given: {
  layout: Layout;
  keys: Keys;
  names: VaultNames;
  ports: Ports;
  repository: DemoRepository;
  origins: Origins;
  approvals: number;
  builders: 1 | 2;
}): Promise<{ trust: string }> {
  const { layout, keys, names, ports, repository, origins, approvals, builders } = given;
  const register = async (name: string): Promise<string> =>
    pinnedHook(await buildHook(name, join(layout.gateConfig, 'hooks')));
  const hook = await register('load-release');
  mkdirSync(join(layout.gateConfig, 'targets'), { recursive: true });
  writeFileSync(
    join(layout.gateConfig, `targets/${target}.yaml`),
    withSchema(origins, 'target', {
      version: 1,
      target,
      admits: [
        {
          repo: repository.url,
          refs: ['refs/heads/main'],
          pipeline: '.woodpecker.yaml',
          releaseFile: '.airlock/release.yaml',
          subject: 'shop-api.tar.gz',
          builders: {
            id: buildersOf(origins).main,
            threshold: builders,
            of: builders === 1 ? [] : [rebuilder.id],
            // The runner of a demo is this machine.
            images: [`sha256:${(await machineImage(null)).digest}`],
          },
          maxAge: '14d',
          tests: 'required',
          signedCommits: 'required',
        },
      ],
      approvals: {
        rules: [{ role: 'release-manager', count: approvals }],
        exclude: ['requester', 'authors', 'committers'],
        expires: '24h',
      },
      credentials: {
        vault: {
          ...names.login,
          ttl: '3m',
        },
      },
      deliver: {
        hook,
        timeout: '2m',
        params: { table: 'product' },
        egress: [
          {
            ...{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: ports.postgres },
            ...{ name: production.database, credential: 'db' },
          },
          { as: 'shop', kind: 'tcp', host: '127.0.0.1', port: ports.shop },
        ],
      },
      // As short as somebody who tries it out has patience.
      observe: { hook: await register('what-runs'), every: '10s' },
    }),
  );
  writeFileSync(
    join(layout.gateConfig, 'roster.yaml'),
    withSchema(origins, 'roster', {
      version: 1,
      people: people.map((person) => ({
        id: person.id,
        name: person.name,
        nameId: emailOf(person),
        roles: [...person.roles],
        gitEmails: [emailOf(person)],
      })),
      commitKeys: [keys.forge.row],
    }),
  );
  const trust = await trustFile(layout, keys, buildersOf(origins));
  writeFileSync(join(layout.gateConfig, 'trust.json'), trust);
  writeFileSync(join(layout.gateConfig, 'ledger.vkey'), `${keys.ledger.vkey}\n`);
  writeFileSync(join(layout.gateConfig, 'witness.vkey'), `${keys.witness.vkey}\n`);
  writeFileSync(layout.administratorsFile, rootOfTrust(keys));
  await signByAdministrators(layout.gateConfig, keys);
  return { trust };
}
