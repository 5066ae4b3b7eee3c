import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endingOf, hasLease, readPathOf, VaultCredentials } from './target-credentials.ts';
import { Egress, egressFaults } from './target-egress.ts';

const vault = (reads: readonly object[], outlives?: readonly string[]): object => ({
  ...{ jwtMount: 'jwt-prod-eu', jwtRole: 'deliver', ttl: '3m', reads },
  ...(outlives === undefined ? {} : { outlives }),
});
const db = { as: 'db', kind: 'database', mount: 'database', role: 'shop' };
const cloud = { as: 'cloud', kind: 'aws', mount: 'aws', role: 'deploy', life: '15m' };
const host = { as: 'host', kind: 'ssh', mount: 'ssh', role: 'deploy', principals: ['deploy'] };
const client = { as: 'client', kind: 'pki', mount: 'pki', role: 'deploy', commonName: 'd.example' };
const token = { as: 'token', kind: 'kv', mount: 'kv', path: 'prod/api', field: 'token' };

test('each kind is read at its own path, and only some have a lease that Vault can list', () => {
  const { reads } = VaultCredentials.parse(
    vault([db, cloud, host, client, token], ['ttl-only', 'by-hand']),
  );
  assert.deepEqual(
    reads.map((read) => [readPathOf(read), endingOf(read.kind), hasLease(read.kind)]),
    [
      ['database/creds/shop', 'revocable', true],
      ['aws/creds/deploy', 'ttl-only', true],
      ['ssh/sign/deploy', 'ttl-only', false],
      ['pki/issue/deploy', 'ttl-only', false],
      ['kv/data/prod/api', 'by-hand', false],
    ],
  );
});

for (const [what, reads, outlives, message] of [
  ['that outlives the delivery unless the target accepts it', [cloud], [], /ttl-only.*outlives/],
  ['of KV where only ttl-only is accepted', [token], ['ttl-only'], /by-hand.*outlives/],
  ['with the name of another', [db, { ...db, role: 'other' }], [], /name of an earlier read/],
  ['below another path', [{ ...token, path: '../sys/x' }], ['by-hand'], /expected parts/],
  ['of a mount with a slash', [{ ...db, mount: 'a/b' }], [], /expected 1 to 63/],
] as const) {
  test(`a target cannot read a credential ${what}`, () => {
    const result = VaultCredentials.safeParse(vault(reads, outlives));
    assert.match(JSON.stringify(result.error?.issues), message);
  });
}

const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const postgres = { as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'shop' };
const api = {
  ...{ as: 'api', kind: 'https', host: 'api.example', port: 443, ca },
  ...{ methods: ['POST'], paths: ['/v1/deploys'] },
};

for (const [what, egress, fault] of [
  ['a loopback Postgres needs no certificate', postgres, null],
  ['another machine’s Postgres does', { ...postgres, host: 'db.example' }, /add ca/],
  ['a database login authenticates Postgres', { ...postgres, credential: 'db' }, null],
  ['an API token does not', { ...postgres, credential: 'token' }, /cannot authenticate postgres/],
  ['an API token authenticates HTTPS', { ...api, credential: 'token' }, null],
  ['so does a client certificate', { ...api, credential: 'client' }, null],
  ['a database login does not', { ...api, credential: 'db' }, /takes kv or pki/],
  ['a credential that is not read is no credential', { ...api, credential: 'x' }, /no read/],
] as const) {
  test(`${what} (egress)`, () => {
    const reads = VaultCredentials.parse(vault([db, client, token], ['ttl-only', 'by-hand'])).reads;
    const [found] = egressFaults([Egress.parse(egress)], reads);
    if (fault === null) assert.equal(found, undefined);
    else assert.match(found?.message ?? '', fault);
  });
}

test('two sockets of one name are refused', () => {
  const both = [Egress.parse(postgres), Egress.parse({ ...api, as: 'db' })];
  assert.match(egressFaults(both, [])[0]?.message ?? '', /name of an earlier egress/);
});
