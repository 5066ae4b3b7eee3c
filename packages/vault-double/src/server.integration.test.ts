import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import pg from 'pg';
import { createManualClock } from './clock.ts';
import { type VaultDouble, startVaultDouble } from './server.ts';

const rootToken = 'root-of-this-test';
const run = randomBytes(3).toString('hex');
const clock = createManualClock();
let double: VaultDouble;
let admin: pg.Client;

async function call(method: string, path: string, body?: object, token = rootToken) {
  const response = await fetch(`${double.address}/v1/${path}`, {
    method,
    redirect: 'manual',
    headers: { 'X-Vault-Token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { response, status: response.status, text };
}

async function rolesLeft(): Promise<number> {
  const { rows } = await admin.query(`SELECT 1 FROM pg_roles WHERE rolname LIKE $1`, [
    `v-%-r${run}-%`,
  ]);
  return rows.length;
}

before(async () => {
  const server = await testPostgres();
  const database = await server.createDatabase();
  const { host, port, user, password } = server;
  admin = new pg.Client({ host, port, user, password, database });
  await admin.connect();
  double = await startVaultDouble({
    host: '127.0.0.1',
    port: 0,
    rootToken,
    clock,
    // The middle of the range, so that the waits are 20 s, 40 s and so on.
    random: () => 0.5,
  });
  await call('POST', 'sys/mounts/db', { type: 'database' });
  const configured = await call('POST', 'db/config/pg', {
    plugin_name: 'postgresql-database-plugin',
    connection_url: `postgresql://{{username}}:{{password}}@${host}:${port}/${database}`,
    username: user,
    password,
    allowed_roles: ['*'],
  });
  assert.equal(configured.status, 204);
  await call('POST', `db/roles/r${run}`, {
    db_name: 'pg',
    creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`],
    revocation_statements: [`DROP ROLE IF EXISTS "{{name}}"`],
    default_ttl: '60s',
  });
});
after(async () => {
  await double.stop();
  assert.equal(await rolesLeft(), 0, 'stopping undoes what is left');
  await admin.end();
});

test('every answer says what it is', async () => {
  const { response } = await call('GET', 'sys/health');
  assert.equal(response.headers.get('x-airlock-vault-double'), '1');
});

test('a lease that ends takes its role along', async () => {
  await call('GET', `db/creds/r${run}`);
  await clock.advance(59_000);
  assert.equal(await rolesLeft(), 1);
  await clock.advance(1_000);
  assert.equal(await rolesLeft(), 0);
});

test('a token that ends takes its lease along, however long that was to last', async () => {
  await call('PUT', 'sys/policies/acl/reader', {
    policy: JSON.stringify({ path: { [`db/creds/r${run}`]: { capabilities: ['read'] } } }),
  });
  const made = await call('POST', 'auth/token/create', { policies: ['reader'], ttl: '10s' });
  const token = /"client_token":"([^"]+)"/.exec(made.text)?.[1] ?? '';
  assert.equal((await call('GET', `db/creds/r${run}`, undefined, token)).status, 200);
  await clock.advance(10_000);
  assert.equal((await call('GET', `db/creds/r${run}`, undefined, token)).status, 403);
  for (let look = 0; look < 50 && (await rolesLeft()) > 0; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(await rolesLeft(), 0);
});

test('a role that cannot be dropped is tried again, later and later', async () => {
  await call('GET', `db/creds/r${run}`);
  const { rows } = await admin.query<{ rolname: string }>(
    `SELECT rolname FROM pg_roles WHERE rolname LIKE $1`,
    [`v-%-r${run}-%`],
  );
  await admin.query(
    `CREATE TABLE held_${run} (); ALTER TABLE held_${run} OWNER TO "${rows[0]?.rolname ?? ''}"`,
  );
  await clock.advance(60_000);
  assert.equal(await rolesLeft(), 1, 'the drop failed');
  await admin.query(`DROP TABLE held_${run}`);
  await clock.advance(19_000);
  assert.equal(await rolesLeft(), 1, 'not before 20 s');
  await clock.advance(1_000);
  assert.equal(await rolesLeft(), 0);
});

test('sealed, everything but its state answers 503, and no lease is undone until it is open again', async () => {
  await call('GET', `db/creds/r${run}`);
  double.faults.sealed = true;
  assert.equal((await call('GET', 'sys/health')).status, 503);
  assert.equal((await call('GET', `db/creds/r${run}`)).status, 503);
  await clock.advance(60_000);
  assert.equal(await rolesLeft(), 1);
  double.faults.sealed = false;
  await clock.advance(500);
  assert.equal(await rolesLeft(), 0);
});

test('a fault hits as often as it says', async () => {
  const path = 'sys/policies/acl/default';
  double.faults.inject({
    match: /acl\/default/,
    times: 1,
    kind: 'status',
    status: 429,
    retryAfterSeconds: 3,
  });
  const limited = await call('GET', path);
  assert.equal(limited.status, 429);
  assert.equal(limited.response.headers.get('retry-after'), '3');
  assert.equal((await call('GET', path)).status, 200);
  const remove = double.faults.inject({ match: /acl/, kind: 'redirect', location: 'http://other' });
  assert.equal((await call('GET', path)).status, 307);
  remove();
  assert.equal((await call('GET', path)).status, 200);
});

test('a lost answer is executed, a lost request is not', async () => {
  const policy = JSON.stringify({ path: {} });
  double.faults.inject({ match: /acl\/one/, times: 1, kind: 'drop-after-execution' });
  await assert.rejects(call('PUT', 'sys/policies/acl/one', { policy }));
  assert.equal((await call('GET', 'sys/policies/acl/one')).status, 200);
  double.faults.inject({ match: /acl\/two/, times: 1, kind: 'drop-before-execution' });
  await assert.rejects(call('PUT', 'sys/policies/acl/two', { policy }));
  assert.equal((await call('GET', 'sys/policies/acl/two')).status, 404);
});

test('it does not start for production or off loopback', async (t) => {
  const host = '0.0.0.0' as '127.0.0.1';
  await assert.rejects(startVaultDouble({ host, port: 0, rootToken }), /127\.0\.0\.1 or ::1 only/);
  const before = process.env['NODE_ENV'];
  t.after(() => {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  });
  process.env['NODE_ENV'] = 'production';
  await assert.rejects(startVaultDouble({ host: '127.0.0.1', port: 0, rootToken }), /NODE_ENV/);
});
