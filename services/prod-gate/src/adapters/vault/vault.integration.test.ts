/**
 * The gate's own way through Vault: the deliverer's login and credential, and the watchdog's revocation of whatever is left,
 * on the stand-in and, where there is one, on a real server.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { applyVaultSetup } from '@airlock/cli/vault/apply';
import { issueReaperSecretId } from '@airlock/cli/vault/reaper-secret';
import { productionPostgresSetup } from '@airlock/cli/vault/postgres';
import { planVaultSetup } from '@airlock/cli/vault/setup';
import type { VaultTarget } from '@airlock/cli/vault/targets';
import { Secret } from '@airlock/common/secret';
import { testPostgres } from '@airlock/testkit/stack';
import { type RunningVault, realVault } from '@airlock/testkit/vault-server';
import type { Fault } from '@airlock/vault-double/faults';
import { type VaultDouble, startVaultDouble } from '@airlock/vault-double/server';
import { SignJWT } from 'jose';
import pg from 'pg';
import type { VaultError, VaultLogin, VaultReaper } from '../../app/vault-ports.ts';
import { createVaultLogin } from './login.ts';
import { createVaultReaper } from './reaper.ts';
import { VaultSettings } from './settings.ts';

const issuer = 'https://gate.adapter.airlock.example';
const environment = { AIRLOCK_DEMO: '1' };
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const real = realVault();
const servers = real === null ? ['double'] : ['double', real.name];

function settingsOf({ address, caFile }: RunningVault): VaultSettings {
  return VaultSettings.parse({ address, ...(caFile === undefined ? {} : { caFile }) });
}

for (const name of servers) {
  describe(`the gate and Vault (${name})`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'airlock-gate-vault-'));
    const secretIdFile = join(directory, 'secret-id');
    let double: VaultDouble | null = null;
    let vault: RunningVault;
    let admin: pg.Client;
    let target: VaultTarget;
    let connection: { host: string; port: number; database: string; username: string };
    let [databaseMount, databaseRole, appOwner] = ['', '', ''];
    let logins: VaultLogin;
    let reaper: VaultReaper;
    let asRoot: (method: string, path: string) => Promise<number>;

    before(async () => {
      const server = await testPostgres();
      const database = await server.createDatabase();
      const { host, port, user } = server;
      admin = new pg.Client({ host, port, user, password: server.password, database });
      await admin.connect();
      const run = randomBytes(3).toString('hex');
      const password = randomBytes(12).toString('hex');
      const username = `vault_g_${run}`;
      appOwner = `app_owner_g_${run}`;
      for (const sql of productionPostgresSetup({
        vaultAdmin: username,
        password,
        appOwner,
        database,
      })) {
        await admin.query(sql);
      }
      connection = { host, port, database, username };
      [databaseMount, databaseRole] = [`db-${run}`, 'deploy'];
      target = {
        target: `shop-${run}`,
        jwtMount: `jwt-${run}`,
        jwtRole: 'deliver',
        ttlSeconds: 120,
        reads: [{ as: 'db', kind: 'database', mount: databaseMount, role: databaseRole }],
        connections: { db: { ...connection, password: new Secret(password), appOwner } },
      };
      const made = randomBytes(12).toString('hex');
      if (name === 'double' || real === null) {
        double = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken: made });
        const { address, tlsAddress, stop } = double;
        vault = { address, tlsAddress, rootToken: made, auditFile: null, stop };
      } else {
        vault = await real.start();
      }
      const { address, rootToken } = vault;
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
      const identity = await issueReaperSecretId({ address, token: rootToken, roleName });
      const roleIdFile = join(directory, 'role-id');
      writeFileSync(roleIdFile, `${identity.roleId}\n`);
      writeFileSync(secretIdFile, `${identity.secretId}\n`, { mode: 0o600 });
      const settings = settingsOf(vault);
      logins = createVaultLogin(settings, environment);
      reaper = createVaultReaper(
        settings,
        { kind: 'approle', roleIdFile, secretIdFile },
        environment,
      );
      asRoot = async (method, path) => {
        const response = await fetch(`${address}/v1/${path}`, {
          method,
          headers: { 'X-Vault-Token': rootToken },
        });
        return response.status;
      };
    });
    after(async () => {
      await vault.stop();
      await admin.end();
      rmSync(directory, { recursive: true, force: true });
    });

    const login = async (through = logins) =>
      through.login({
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
      });
    const place = (role = databaseRole) =>
      ({ as: 'db', kind: 'database', mount: databaseMount, role }) as const;
    const session = (known: { accessor?: string; leaseIds?: string[] } = {}) => ({
      accessor: known.accessor ?? null,
      leaseIds: known.leaseIds ?? [],
      jwtMount: target.jwtMount,
      leasePrefixes: [`${databaseMount}/creds/${databaseRole}`],
    });
    const rolesLeft = async () => {
      const { rows } = await admin.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_auth_members
         WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1)
           AND member IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'v-%')`,
        [appOwner],
      );
      return rows[0]?.count;
    };
    const refusal = (code: VaultError['code']) => ({ name: /^Vault/, code });

    test('a delivery gets a credential that works, and the reaper proves that all of it is gone', async () => {
      const token = await login();
      assert.equal(token.ttlSeconds, 120);
      const { leaseId, seconds, secret } = await token.read(place(), {});
      assert.equal(seconds, 120);
      assert.ok(secret.kind === 'database' && leaseId !== null);
      const { host, port, database } = connection;
      const client = new pg.Client({
        host,
        port,
        database,
        user: secret.username,
        password: secret.password.reveal(),
      });
      client.on('error', () => {});
      await client.connect();
      const result = await reaper.revokeSession(
        session({ accessor: token.accessor, leaseIds: [leaseId] }),
      );
      assert.deepEqual(result, { clean: true, remaining: { tokens: 0, leases: 0 } });
      await assert.rejects(client.query('SELECT 1'));
      assert.equal(await rolesLeft(), 0);
      await assert.rejects(token.read(place(), {}), refusal('vault-refused'));
    });

    test('revoking again is clean again', async () => {
      const token = await login();
      const { leaseId } = await token.read(place(), {});
      const known = session({ accessor: token.accessor, leaseIds: [leaseId ?? ''] });
      for (let pass = 0; pass < 2; pass += 1) {
        assert.equal((await reaper.revokeSession(known)).clean, true);
      }
    });

    test('what a crash left without any id is found and ended', async () => {
      await (await login()).read(place(), {});
      await login();
      assert.equal(await rolesLeft(), 1);
      assert.deepEqual(await reaper.revokeSession(session()), {
        clean: true,
        remaining: { tokens: 0, leases: 0 },
      });
      assert.equal(await rolesLeft(), 0);
    });

    test('a token that ends itself takes its credential along', async () => {
      const token = await login();
      await token.read(place(), {});
      await token.revokeSelf();
      await assert.rejects(token.read(place(), {}), refusal('vault-refused'));
      assert.equal((await reaper.revokeSession(session())).clean, true);
    });

    test('another role than the target’s own is refused', async () => {
      const token = await login();
      await assert.rejects(token.read(place('other'), {}), refusal('vault-refused'));
      await token.revokeSelf();
    });

    test('while the role cannot be dropped the session is not clean, and later it is', async () => {
      const token = await login();
      const { leaseId } = await token.read(place(), {});
      const known = session({ accessor: token.accessor, leaseIds: [leaseId ?? ''] });
      await admin.query('ALTER FUNCTION airlock_admin.drop_ephemeral(text) RENAME TO away');
      const during = await reaper.revokeSession(known);
      assert.equal(during.clean, false);
      assert.equal(during.remaining.tokens, 0);
      assert.equal(during.remaining.leases, 1);
      assert.match(during.error ?? '', /drop_ephemeral/);
      await admin.query('ALTER FUNCTION airlock_admin.away(text) RENAME TO drop_ephemeral');
      assert.equal((await reaper.revokeSession(known)).clean, true);
      assert.equal(await rolesLeft(), 0);
    });

    test('the reaper leaves no token of its own', async () => {
      await reaper.revokeSession(session());
      assert.equal(await asRoot('GET', 'sys/leases/lookup/auth/approle/login/?list=true'), 404);
    });

    test('a reaper without a valid secret id says so and claims nothing', async () => {
      const wrong = join(directory, 'wrong');
      writeFileSync(wrong, 'wrong\n', { mode: 0o600 });
      const settings = settingsOf(vault);
      const stranger = createVaultReaper(
        settings,
        { kind: 'approle', roleIdFile: join(directory, 'role-id'), secretIdFile: wrong },
        environment,
      );
      const result = await stranger.revokeSession(session());
      assert.equal(result.clean, false);
      assert.deepEqual(result.remaining, { tokens: null, leases: null });
      assert.match(result.error ?? '', /400.*auth\/approle\/login/);
    });

    // Only the stand-in can be made to fail on purpose.
    if (name !== 'double') return;

    test('a login whose answer is lost leaves a token, which the sweep ends', async () => {
      double?.faults.inject({ match: /login$/, times: 1, kind: 'drop-after-execution' });
      await assert.rejects(login(), refusal('vault-outcome-unknown'));
      assert.equal(
        await asRoot('GET', `sys/leases/lookup/auth/${target.jwtMount}/login/?list=true`),
        200,
      );
      assert.equal((await reaper.revokeSession(session())).clean, true);
    });

    test('a credential whose answer is lost is a live role, which the sweep ends', async () => {
      const token = await login();
      double?.faults.inject({ match: /\/creds\//, times: 1, kind: 'drop-after-execution' });
      await assert.rejects(token.read(place(), {}), refusal('vault-outcome-unknown'));
      assert.equal(await rolesLeft(), 1);
      const result = await reaper.revokeSession(session({ accessor: token.accessor }));
      assert.equal(result.clean, true);
      assert.equal(await rolesLeft(), 0);
    });

    test('a sealed Vault leaves the session open', async () => {
      const token = await login();
      assert.ok(double !== null);
      double.faults.sealed = true;
      const during = await reaper.revokeSession(session({ accessor: token.accessor }));
      double.faults.sealed = false;
      assert.equal(during.clean, false);
      assert.deepEqual(during.remaining, { tokens: null, leases: null });
      assert.match(during.error ?? '', /sealed/);
      assert.equal((await reaper.revokeSession(session({ accessor: token.accessor }))).clean, true);
    });

    test('outside the demo the stand-in is refused, whatever it answers', async () => {
      const settings = settingsOf(vault);
      await assert.rejects(login(createVaultLogin(settings, {})), refusal('vault-is-double'));
      assert.equal((await reaper.revokeSession(session())).clean, true);
    });

    const onRead = { match: /^GET .*\/creds\//, times: 1 };
    const spoiled: [string, Fault, VaultError['code'], number][] = [
      ['half an answer', { ...onRead, kind: 'half-body' }, 'vault-outcome-unknown', 1],
      ['a page in place of JSON', { ...onRead, kind: 'not-json' }, 'vault-answer-malformed', 0],
      [
        'a standby',
        { ...onRead, kind: 'redirect', location: 'https://b/' },
        'vault-unavailable',
        0,
      ],
      ['a 429', { ...onRead, kind: 'status', status: 429 }, 'vault-unavailable', 0],
      ['a 500', { ...onRead, kind: 'status', status: 500 }, 'vault-fault', 0],
      [
        'a 500 after it was done',
        { ...onRead, kind: 'status', status: 500, executed: true },
        'vault-fault',
        1,
      ],
      ['a token that just ended', { ...onRead, kind: 'expired-token' }, 'vault-refused', 0],
    ];
    for (const [what, fault, code, left] of spoiled) {
      test(`${what} at the read of a credential is ${code}, and ${left} roles are left for the reaper`, async () => {
        const token = await login();
        double?.faults.inject(fault);
        await assert.rejects(token.read(place(), {}), refusal(code));
        assert.equal(await rolesLeft(), left);
        const result = await reaper.revokeSession(session({ accessor: token.accessor }));
        assert.deepEqual(result, { clean: true, remaining: { tokens: 0, leases: 0 } });
        assert.equal(await rolesLeft(), 0);
      });
    }

    test('a database that is away keeps the session open, although the token’s revocation is answered 204', async () => {
      const token = await login();
      await token.read(place(), {});
      assert.ok(double !== null);
      double.faults.databaseDown = true;
      const during = await reaper.revokeSession(session({ accessor: token.accessor }));
      double.faults.databaseDown = false;
      assert.equal(during.clean, false);
      assert.equal(await rolesLeft(), 1);
      assert.equal((await reaper.revokeSession(session({ accessor: token.accessor }))).clean, true);
      assert.equal(await rolesLeft(), 0);
    });

    test('a Vault whose audit device fails keeps the session open, although its health is good', async () => {
      const token = await login();
      assert.ok(double !== null);
      double.faults.auditFailing = true;
      const during = await reaper.revokeSession(session({ accessor: token.accessor }));
      double.faults.auditFailing = false;
      assert.equal(during.clean, false);
      assert.match(during.error ?? '', /500.*internal error/);
      assert.equal((await reaper.revokeSession(session({ accessor: token.accessor }))).clean, true);
    });

    test('a 202 is not believed while the lists still show the lease', async () => {
      const token = await login();
      const { leaseId } = await token.read(place(), {});
      assert.ok(double !== null);
      Object.assign(double.faults, { lazyRevocation: true, databaseDown: true });
      const known = session({ accessor: token.accessor, leaseIds: [leaseId ?? ''] });
      const during = await reaper.revokeSession(known);
      Object.assign(double.faults, { lazyRevocation: false, databaseDown: false });
      assert.equal(during.clean, false);
      assert.equal(during.remaining.leases, 1);
      assert.equal((await reaper.revokeSession(known)).clean, true);
      assert.equal(await rolesLeft(), 0);
    });
  });
}
