import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { productionPostgresSetup } from './postgres.ts';
import { type VaultCall, type VaultTarget, planVaultSetup } from './setup.ts';

const pem = (keys: {
  publicKey: { export(o: { type: 'spki'; format: 'pem' }): string | Buffer };
}) => keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const edwards = pem(generateKeyPairSync('ed25519'));

const eu: VaultTarget = {
  target: 'prod-eu',
  jwtMount: 'jwt-prod-eu',
  jwtRole: 'deliver',
  databaseMount: 'database',
  databaseRole: 'prod-eu',
  ttlSeconds: 600,
  connection: {
    host: 'db.example',
    port: 5432,
    database: 'shop',
    username: 'vault',
    password: 'p',
  },
  appOwner: 'shop_owner',
};
const us: VaultTarget = {
  ...eu,
  target: 'prod-us',
  jwtMount: 'jwt-prod-us',
  databaseRole: 'prod-us',
};
const plan = (targets: VaultTarget[], authorityPublicKeyPem = edwards) =>
  planVaultSetup({
    targets,
    reaper: { roleName: 'reaper' },
    issuer: 'https://gate.example',
    authorityPublicKeyPem,
  });
const bodyOf = (calls: VaultCall[], path: string) => {
  const call = calls.find((entry) => entry.path === path);
  assert.ok(call, path);
  return call.body;
};
const policyOf = (calls: VaultCall[], name: string): unknown =>
  JSON.parse(String(bodyOf(calls, `sys/policies/acl/${name}`)['policy']));

test('a delivery may read one credential and end itself, and nothing else', () => {
  assert.deepEqual(policyOf(plan([eu, us]), 'airlock-target-prod-eu'), {
    path: {
      'database/creds/prod-eu': { capabilities: ['read'] },
      'auth/token/revoke-self': { capabilities: ['update'] },
    },
  });
});

test('the reaper may revoke and list exactly the prefixes of its targets', () => {
  assert.deepEqual(policyOf(plan([eu]), 'airlock-reaper'), {
    path: {
      'auth/token/revoke-accessor': { capabilities: ['update'] },
      'auth/token/revoke-self': { capabilities: ['update'] },
      'sys/leases/revoke': { capabilities: ['update'] },
      'sys/leases/revoke-prefix/auth/jwt-prod-eu/login': { capabilities: ['update', 'sudo'] },
      'sys/leases/lookup/auth/jwt-prod-eu/login/': { capabilities: ['list', 'sudo'] },
      'sys/leases/revoke-prefix/database/creds/prod-eu': { capabilities: ['update', 'sudo'] },
      'sys/leases/lookup/database/creds/prod-eu/': { capabilities: ['list', 'sudo'] },
    },
  });
});

test('the algorithm is that of the authority’s key, and of no other', () => {
  const elliptic = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const algorithms = (key: string) =>
    bodyOf(plan([eu], key), 'auth/jwt-prod-eu/config')['jwt_supported_algs'];
  assert.deepEqual(algorithms(edwards), ['EdDSA']);
  assert.deepEqual(algorithms(elliptic), ['ES256']);
  const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }));
  assert.throws(() => plan([eu], rsa), { code: 'vault-setup-invalid' });
});

test('another machine’s database is reached with its certificate checked', () => {
  const url = (target: VaultTarget) =>
    String(bodyOf(plan([target]), 'database/config/prod-eu')['connection_url']);
  assert.match(url(eu), /sslmode=verify-full$/);
  const local = { ...eu, connection: { ...eu.connection, host: '127.0.0.1' } };
  assert.match(url(local), /sslmode=disable$/);
});

for (const field of ['target', 'jwtMount', 'databaseRole'] as const) {
  test(`two targets with the same ${field} are refused`, () => {
    assert.throws(() => plan([eu, { ...us, [field]: eu[field] }]), {
      code: 'vault-setup-invalid',
      message: new RegExp(field),
    });
  });
}

test('a name that would reach another path is refused', () => {
  for (const name of ['a/b', '..', 'a*', '+', 'A', '']) {
    assert.throws(() => plan([{ ...eu, jwtMount: name }]), { code: 'vault-setup-invalid' });
  }
});

test('a Postgres name that would end its quotes is refused', () => {
  const names = { vaultAdmin: 'vault', appOwner: 'owner', database: 'shop', password: "p'\\" };
  assert.doesNotThrow(() => productionPostgresSetup(names));
  for (const name of ['a"b', "a'b", 'A', '', 'x'.repeat(64)]) {
    assert.throws(() => productionPostgresSetup({ ...names, appOwner: name }), {
      code: 'vault-setup-invalid',
    });
  }
});
