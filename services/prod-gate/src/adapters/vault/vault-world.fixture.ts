/** One target at a Vault of its own, set up as `airlock vault setup` does, with the gate's own two ways into it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { issueReaperSecretId } from '@airlock/cli/vault/reaper-secret';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import { Secret } from '@airlock/common/secret';
import { testPostgres } from '@airlock/testkit/stack';
import { realVault } from '@airlock/testkit/vault-server';
import { startVaultDouble } from '@airlock/vault-double/server';
import { SignJWT } from 'jose';
import pg from 'pg';
import type { DeliveryToken, VaultReaper } from '../../app/vault-ports.ts';
import { createVaultLogin } from './login.ts';
import { createVaultReaper } from './reaper.ts';
import { VaultSettings } from './settings.ts';

const issuer = 'https://gate.adapter.airlock.example';
const worldEnvironment = { AIRLOCK_DEMO: '1' };
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const real = realVault();
/** `double`, and a real server where there is one. */
export const vaultNames: readonly string[] = real === null ? ['double'] : ['double', real.name];

export type VaultWorld = {
  readonly target: VaultTarget;
  readonly connection: { host: string; port: number; database: string; username: string };
  readonly reaper: VaultReaper;
  /** Logs in with a JWT as the authority mints one. */
  login(): Promise<DeliveryToken>;
  /** Roles that Vault made in the target's database and that are still there. */
  rolesLeft(): Promise<number>;
  asRoot(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }>;
  close(): Promise<void>;
};

/** @param reads of the target, given mounts that no other world has. */
export async function openVaultWorld(
  name: string,
  reads: (run: string) => readonly CredentialRead[],
): Promise<VaultWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-gate-vault-'));
  const { createDatabase, host, port, user, password: superPassword } = await testPostgres();
  const database = await createDatabase();
  const admin = new pg.Client({ host, port, user, password: superPassword, database });
  await admin.connect();
  const run = randomBytes(3).toString('hex');
  const password = randomBytes(12).toString('hex');
  const username = `vault_g_${run}`;
  const appOwner = `app_owner_g_${run}`;
  for (const sql of productionPostgresSetup({
    vaultAdmin: username,
    password,
    appOwner,
    database,
  })) {
    await admin.query(sql);
  }
  const connection = { host, port, database, username };
  const target: VaultTarget = {
    target: `shop-${run}`,
    jwtMount: `jwt-${run}`,
    jwtRole: 'deliver',
    ttlSeconds: 120,
    reads: reads(run),
    connections: { db: { ...connection, password: new Secret(password), appOwner } },
  };
  const rootOfDouble = randomBytes(12).toString('hex');
  const server =
    name === 'double' || real === null
      ? await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken: rootOfDouble })
      : await real.start();
  const { address } = server;
  const rootToken = 'rootToken' in server ? server.rootToken : rootOfDouble;
  const close = async (): Promise<void> => {
    await server.stop();
    await admin.end();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    return await setUp();
  } catch (cause) {
    // What listens would keep the test's process alive.
    await close();
    throw cause;
  }

  async function setUp(): Promise<VaultWorld> {
    const roleName = `reaper-${run}`;
    await applyVaultSetup({
      address,
      token: rootToken,
      calls: planVaultSetup({
        targets: [target],
        reaper: { roleName },
        issuer,
        authorityPublicKeyPem: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      }),
    });
    const { roleId, secretId } = await issueReaperSecretId({ address, token: rootToken, roleName });
    const [roleIdFile, secretIdFile] = [join(directory, 'role-id'), join(directory, 'secret-id')];
    writeFileSync(roleIdFile, `${roleId}\n`);
    writeFileSync(secretIdFile, `${secretId}\n`, { mode: 0o600 });
    const settings = VaultSettings.parse({ address });
    const logins = createVaultLogin(settings, worldEnvironment);

    return {
      ...{ target, connection },
      reaper: createVaultReaper(
        settings,
        { kind: 'approle', roleIdFile, secretIdFile },
        worldEnvironment,
      ),
      login: async () =>
        logins.login({
          mount: target.jwtMount,
          role: target.jwtRole,
          jwt: await new SignJWT({
            target: target.target,
            purpose: 'delivery',
            approval_state: 'satisfied',
            delivery_id: 'dlv_0123456789',
            artifact_digest: 'a'.repeat(64),
          })
            .setProtectedHeader({ alg: 'ES256' })
            .setIssuer(issuer)
            .setSubject(`target:${target.target}`)
            .setAudience(`vault-prod/${target.target}`)
            .setIssuedAt()
            .setNotBefore('0s')
            .setExpirationTime('20s')
            .sign(keys.privateKey),
        }),
      async rolesLeft() {
        const { rows } = await admin.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM pg_auth_members
         WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1)
           AND member IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'v-%')`,
          [appOwner],
        );
        return rows[0]?.count ?? 0;
      },
      async asRoot(method, path, body) {
        const response = await fetch(`${address}/v1/${path}`, {
          method,
          headers: { 'X-Vault-Token': rootToken },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        return {
          status: response.status,
          body: text === '' ? null : (JSON.parse(text) as unknown),
        };
      },
      close,
    };
  }
}
