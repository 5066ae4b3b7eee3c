import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import { Secret } from '@airlock/common/secret';
import { productionPostgresSetup } from './postgres.ts';
import type { VaultCall } from './call.ts';
import { planVaultSetup } from './setup.ts';
import type { VaultTarget } from './targets.ts';

const pem = (keys: {
  publicKey: { export(o: { type: 'spki'; format: 'pem' }): string | Buffer };
}) => keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const edwards = pem(generateKeyPairSync('ed25519'));

const database = (role: string): CredentialRead => ({
  as: 'db',
  kind: 'database',
  mount: 'database',
  role,
});
const connection = {
  host: 'db.example',
  port: 5432,
  database: 'shop',
  username: 'vault',
  password: new Secret('p'),
  appOwner: 'shop_owner',
};
const eu: VaultTarget = {
  target: 'prod-eu',
  jwtMount: 'jwt-prod-eu',
  jwtRole: 'deliver',
  ttlSeconds: 600,
  reads: [database('prod-eu')],
  connections: { db: connection },
};
const us: VaultTarget = {
  ...eu,
  target: 'prod-us',
  jwtMount: 'jwt-prod-us',
  reads: [database('prod-us')],
};
const everyKind: VaultTarget = {
  ...eu,
  reads: [
    database('prod-eu'),
    { as: 'cloud', kind: 'aws', mount: 'aws', role: 'deploy', life: 900 },
    { as: 'host', kind: 'ssh', mount: 'ssh', role: 'deploy', principals: ['deploy'] },
    { as: 'root', kind: 'ssh', mount: 'ssh', role: 'deploy', principals: ['root'], life: 60 },
    { as: 'client', kind: 'pki', mount: 'pki', role: 'deploy', commonName: 'deploy.example' },
    { as: 'api', kind: 'kv', mount: 'kv', path: 'prod/api', field: 'token' },
  ],
};
const setup = (targets: VaultTarget[], authorityPublicKeyPem: string | string[] = edwards) => ({
  targets,
  reaper: { roleName: 'reaper' },
  issuer: 'https://gate.example',
  authorityPublicKeyPem,
});
const plan = (...given: Parameters<typeof setup>) => planVaultSetup(setup(...given));
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

test('a policy allows what each kind of credential is asked for with', () => {
  assert.deepEqual(policyOf(plan([everyKind]), 'airlock-target-prod-eu'), {
    path: {
      'database/creds/prod-eu': { capabilities: ['read'] },
      'aws/creds/deploy': { capabilities: ['read'] },
      'ssh/sign/deploy': { capabilities: ['update'] },
      'pki/issue/deploy': { capabilities: ['update'] },
      'kv/data/prod/api': { capabilities: ['read'] },
      'auth/token/revoke-self': { capabilities: ['update'] },
    },
  });
});

test('the reaper lists leases where there are leases, and nothing that it cannot end', () => {
  const { path } = policyOf(plan([everyKind]), 'airlock-reaper') as { path: object };
  assert.deepEqual(
    Object.keys(path).filter((name) => name.startsWith('sys/leases/lookup/')),
    [
      'sys/leases/lookup/auth/jwt-prod-eu/login/',
      'sys/leases/lookup/database/creds/prod-eu/',
      'sys/leases/lookup/aws/creds/deploy/',
    ],
  );
});

test('an SSH role lets in the principals of the target file and no other, for their life', () => {
  const role = bodyOf(plan([everyKind]), 'ssh/roles/deploy');
  assert.equal(role['allowed_users'], 'deploy,root');
  assert.equal(role['allow_host_certificates'], false);
  assert.equal(role['max_ttl'], 600);
});

test('a PKI role signs the name of the target file and no name below it', () => {
  const role = bodyOf(plan([everyKind]), 'pki/roles/deploy');
  assert.deepEqual(role['allowed_domains'], ['deploy.example']);
  assert.equal(role['allow_subdomains'], false);
  assert.equal(role['server_flag'], false);
});

test('the password of Vault’s login stands in no call that can be printed', () => {
  const printed = JSON.stringify(
    plan([{ ...eu, connections: { db: { ...connection, password: new Secret('swordfish') } } }]),
  );
  assert.ok(!printed.includes('swordfish'));
});

test('without a connection a database is compared, and the call says what to give', () => {
  const calls = plan([{ ...eu, connections: {} }]);
  const incomplete = calls.filter((call) => call.incomplete !== undefined);
  assert.deepEqual(
    incomplete.map(({ path }) => path),
    ['database/config/prod-eu', 'database/roles/prod-eu'],
  );
  for (const { incomplete: what } of incomplete) assert.match(what ?? '', /prod-eu\/db=FILE/);
});

test('two keys of the authority are known while one replaces the other', () => {
  const elliptic = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const config = bodyOf(plan([eu], [edwards, elliptic]), 'auth/jwt-prod-eu/config');
  assert.deepEqual(config['jwt_validation_pubkeys'], [edwards, elliptic]);
  assert.deepEqual(config['jwt_supported_algs'], ['EdDSA', 'ES256']);
});

test('tokens are bound to the gate’s networks, and what is no network is refused', () => {
  const bound = (gateCidrs: string[]) => planVaultSetup({ ...setup([eu]), gateCidrs });
  const calls = bound(['10.0.0.7/32', 'fd00::/64']);
  for (const path of ['auth/jwt-prod-eu/role/deliver', 'auth/approle/role/reaper']) {
    assert.deepEqual(bodyOf(calls, path)['token_bound_cidrs'], ['10.0.0.7/32', 'fd00::/64']);
  }
  for (const cidr of ['10.0.0.7', '10.0.0.7/33', '0.0.0.0/0', 'gate/32', '']) {
    assert.throws(() => bound([cidr]), { code: 'vault-setup-invalid' });
  }
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
  const local = { ...eu, connections: { db: { ...connection, host: '127.0.0.1' } } };
  assert.match(url(local), /sslmode=disable$/);
});

for (const field of ['target', 'jwtMount'] as const) {
  test(`two targets with the same ${field} are refused`, () => {
    assert.throws(() => plan([eu, { ...us, [field]: eu[field] }]), {
      code: 'vault-setup-invalid',
      message: new RegExp(field),
    });
  });
}

test('two targets that read the same credential are refused', () => {
  for (const read of everyKind.reads) {
    const both = [eu, us].map((target) => ({
      ...target,
      reads: [read],
      connections: { [read.as]: connection },
    }));
    assert.throws(() => plan(both), {
      code: 'vault-setup-invalid',
      message: /used by two targets/,
    });
  }
});

test('two reads of one database role are refused', () => {
  const twice: VaultTarget = {
    ...eu,
    reads: [database('prod-eu'), { ...database('prod-eu'), as: 'again' }],
    connections: { db: connection, again: connection },
  };
  assert.throws(() => plan([twice]), { code: 'vault-setup-invalid', message: /two reads/ });
});

test('one mount cannot be two engines', () => {
  const mixed: VaultTarget = {
    ...eu,
    reads: [database('prod-eu'), { as: 'a', kind: 'aws', mount: 'database', role: 'a' }],
  };
  assert.throws(() => plan([mixed]), { code: 'vault-setup-invalid', message: /engine/ });
});

test('an issuer that is empty, as an unset variable is, is refused: Vault would ask nobody who signed', () => {
  for (const issuer of ['', ' ']) {
    assert.throws(() => planVaultSetup({ ...setup([eu]), issuer }), {
      code: 'vault-setup-invalid',
      message: /issuer/,
    });
  }
});

test('a name that would reach another path is refused', () => {
  for (const name of ['a/b', '..', 'a*', '+', 'A', '']) {
    assert.throws(() => plan([{ ...eu, jwtMount: name }]), { code: 'vault-setup-invalid' });
    const read: CredentialRead = { as: 'x', kind: 'aws', mount: 'aws', role: name };
    assert.throws(() => plan([{ ...eu, reads: [read] }]), { code: 'vault-setup-invalid' });
  }
  for (const path of ['a/../b', 'a//b', 'a/+/b', 'a*', '']) {
    const read: CredentialRead = { as: 'x', kind: 'kv', mount: 'kv', path, field: 'f' };
    assert.throws(() => plan([{ ...eu, reads: [read] }]), { code: 'vault-setup-invalid' });
  }
});

test('the watchdog’s role cannot take the name of a target’s policy', () => {
  assert.throws(
    () =>
      planVaultSetup({
        targets: [eu],
        reaper: { roleName: 'target-prod-eu' },
        issuer: 'https://gate.example',
        authorityPublicKeyPem: edwards,
      }),
    { code: 'vault-setup-invalid' },
  );
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
