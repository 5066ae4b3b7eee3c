/** One Vault set up by our own plan for two targets, with a production database each, as a deployment has it. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { issueReaperSecretId } from '@airlock/cli/vault/reaper-secret';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import { Secret } from '@airlock/common/secret';
import { testPostgres } from '@airlock/testkit/stack';
import pg from 'pg';
import { dropProduction } from './production.ts';
import type { RunningVault, VaultServer } from './servers.ts';

export type Answer = { status: number; body: AnswerBody };
export type AnswerBody = {
  errors?: string[];
  request_id?: string;
  lease_id?: string;
  lease_duration?: number;
  data?: Record<string, unknown> | null;
  wrap_info?: Record<string, unknown> | null;
  auth?: {
    client_token: string;
    accessor: string;
    lease_duration: number;
    policies: string[];
    metadata: Record<string, string>;
    token_type: string;
    entity_id?: string;
    orphan: boolean;
  } | null;
};

/** A target with one database credential, and where that is. */
export type FixtureTarget = VaultTarget & {
  databaseMount: string;
  databaseRole: string;
  connection: { host: string; port: number; database: string; username: string; password: string };
  appOwner: string;
};

export type Fixture = {
  vault: RunningVault;
  /** Two targets; a test of isolation uses the second as "somebody else's". */
  a: FixtureTarget;
  b: FixtureTarget;
  rootToken: string;
  reaper: { roleId: string; secretId: string };
  call(token: string | null, method: string, path: string, body?: object): Promise<Answer>;
  /** A login JWT of that target, valid unless claims say otherwise. */
  mint(target: FixtureTarget, claims?: Record<string, unknown>, signer?: Signer): string;
  /** The key that the mounts let sign logins. */
  publicKeyPem: string;
  /** Logs in and returns the token, its accessor and its TTL. */
  login(target: FixtureTarget): Promise<{ token: string; accessor: string; ttl: number }>;
  credential(
    target: FixtureTarget,
    token: string,
  ): Promise<{ leaseId: string; username: string; password: string }>;
  /** A query as superuser in the target's database. */
  asAdmin(target: FixtureTarget, sql: string, values?: unknown[]): Promise<unknown[][]>;
  connect(target: FixtureTarget, user: string, password: string): Promise<pg.Client>;
  roleExists(target: FixtureTarget, username: string): Promise<boolean>;
  /** Takes back what was made, in Vault and in Postgres, and stops the server if it is ours. */
  close(): Promise<void>;
};

/** How a JWT is signed when not by the key that the mounts know. */
export type Signer = { algorithm: string; sign: (signed: Buffer) => Buffer };

const issuer = 'https://gate.contract.airlock.example';

/** Names are unique in each fixture, so that a shared real server serves many runs. */
export async function createFixture(server: VaultServer): Promise<Fixture> {
  const vault = await server.start();
  try {
    return await fillVault(vault);
  } catch (error) {
    await vault.stop();
    throw error;
  }
}

async function fillVault(vault: RunningVault): Promise<Fixture> {
  const postgres = await testPostgres();
  const run = randomBytes(3).toString('hex');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');

  const connectAs = async (database: string, user: string, password: string) => {
    const { host, port } = postgres;
    const client = new pg.Client({ host, port, user, password, database });
    // Sessions that the server ends are what several tests are about; the next query reports them.
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const query = async (database: string, sql: string, values: unknown[] = []) => {
    const client = await connectAs(database, postgres.user, postgres.password);
    try {
      const result = await client.query<unknown[]>({ text: sql, values, rowMode: 'array' });
      return result.rows;
    } finally {
      await client.end();
    }
  };

  const makeTarget = async (letter: string): Promise<FixtureTarget> => {
    const database = await postgres.createDatabase();
    const username = `vault_${letter}_${run}`;
    const appOwner = `app_owner_${letter}_${run}`;
    const password = `it's a \\ test ${randomBytes(6).toString('hex')}`;
    const statements = productionPostgresSetup({
      vaultAdmin: username,
      password,
      appOwner,
      database,
    });
    // Twice: a deployer may run it again.
    for (const statement of [...statements, ...statements]) await query(database, statement);
    const { host, port } = postgres;
    const connection = { host, port, database, username, password };
    const [databaseMount, databaseRole] = [`db-${run}`, `deploy-${letter}`];
    return {
      target: `shop-${letter}-${run}`,
      jwtMount: `jwt-${letter}-${run}`,
      jwtRole: 'deliver',
      ttlSeconds: 120,
      reads: [{ as: 'db', kind: 'database', mount: databaseMount, role: databaseRole }],
      connections: { db: { ...connection, password: new Secret(password), appOwner } },
      ...{ databaseMount, databaseRole, connection, appOwner },
    };
  };
  const a = await makeTarget('a');
  const b = await makeTarget('b');
  const { address, rootToken } = vault;
  const roleName = `reaper-${run}`;
  const calls = planVaultSetup({
    targets: [a, b],
    reaper: { roleName },
    issuer,
    authorityPublicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  });
  await applyVaultSetup({ address, token: rootToken, calls });
  await applyVaultSetup({ address, token: rootToken, calls });
  const reaper = await issueReaperSecretId({ address, token: rootToken, roleName });

  // Vault makes one for each target that ever logged in, and keeps it when the mount goes.
  const entities = new Set<string>();
  const call: Fixture['call'] = async (token, method, path, body) => {
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: {
        'Content-Type': 'application/json',
        ...(token === null ? {} : { 'X-Vault-Token': token }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // The shapes are what the tests then assert.
    const parsed = (text === '' ? {} : JSON.parse(text)) as AnswerBody;
    if (parsed.auth?.entity_id) entities.add(parsed.auth.entity_id);
    return { status: response.status, body: parsed };
  };

  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const ownSigner: Signer = {
    algorithm: 'EdDSA',
    sign: (signed) => sign(null, signed, privateKey),
  };

  const mint: Fixture['mint'] = (target, claims = {}, signer = ownSigner) => {
    const now = Math.floor(vault.now() / 1000);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: signer.algorithm, typ: 'JWT' })}.${part({
      iss: issuer,
      aud: `vault-prod/${target.target}`,
      sub: `target:${target.target}`,
      target: target.target,
      purpose: 'delivery',
      approval_state: 'satisfied',
      approvals: '2',
      delivery_id: 'dlv_0123456789',
      artifact_digest: 'a'.repeat(64),
      jti: randomBytes(8).toString('hex'),
      iat: now,
      nbf: now,
      exp: now + 20,
      ...claims,
    })}`;
    return `${signed}.${signer.sign(Buffer.from(signed)).toString('base64url')}`;
  };

  return {
    vault,
    a,
    b,
    rootToken,
    reaper,
    call,
    mint,
    publicKeyPem,
    async login(target) {
      const { status, body } = await call(null, 'POST', `auth/${target.jwtMount}/login`, {
        role: target.jwtRole,
        jwt: mint(target),
      });
      if (status !== 200 || body.auth === undefined || body.auth === null) {
        throw new Error(`login refused: ${status} ${JSON.stringify(body.errors)}`);
      }
      const { client_token: token, accessor, lease_duration: ttl } = body.auth;
      return { token, accessor, ttl };
    },
    async credential(target, token) {
      const path = `${target.databaseMount}/creds/${target.databaseRole}`;
      const { status, body } = await call(token, 'GET', path);
      const { username, password } = body.data ?? {};
      if (status !== 200 || typeof username !== 'string' || typeof password !== 'string') {
        throw new Error(`no credential: ${status} ${JSON.stringify(body.errors)}`);
      }
      return { leaseId: body.lease_id ?? '', username, password };
    },
    asAdmin: (target, sql, values) => query(target.connection.database, sql, values),
    connect: (target, user, password) => connectAs(target.connection.database, user, password),
    async roleExists(target, username) {
      const rows = await query(
        target.connection.database,
        'SELECT 1 FROM pg_roles WHERE rolname = $1',
        [username],
      );
      return rows.length === 1;
    },
    async close() {
      // A mount takes its leases along. AppRole's is shared with whoever else uses this Vault, and so it stays.
      const made = calls
        .map(({ path }) => path)
        .filter((path) =>
          /^(?:sys\/(?:auth|mounts|policies\/acl)|auth\/approle\/role)\/[^/]+$/.test(path),
        )
        .filter((path) => path !== 'sys/auth/approle');
      for (const path of new Set(made)) await call(rootToken, 'DELETE', path);
      for (const id of entities) await call(rootToken, 'DELETE', `identity/entity/id/${id}`);
      for (const { connection, appOwner } of [a, b]) {
        const { database, username: vaultAdmin } = connection;
        await dropProduction({ database, vaultAdmin, appOwner });
      }
      await vault.stop();
    },
  };
}
