import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Fixture, createFixture } from './fixture.ts';
import { vaultServers } from './servers.ts';

type Cell = [method: string, path: (fixture: Fixture) => string, body: object | undefined];

const elsewhere: Record<string, Cell> = {
  'read the credential of another target': [
    'GET',
    ({ b }) => `${b.databaseMount}/creds/${b.databaseRole}`,
    undefined,
  ],
  'look itself up': ['GET', () => 'auth/token/lookup-self', undefined],
  'look a token up by accessor': ['POST', () => 'auth/token/lookup-accessor', { accessor: 'x' }],
  'revoke by accessor': ['POST', () => 'auth/token/revoke-accessor', { accessor: 'x' }],
  'make a child token': ['POST', () => 'auth/token/create', { ttl: '1h' }],
  'look a lease up': ['PUT', () => 'sys/leases/lookup', { lease_id: 'x/y' }],
  'revoke a lease': ['PUT', () => 'sys/leases/revoke', { lease_id: 'x/y' }],
  'read how Vault reaches the database': [
    'GET',
    ({ a }) => `${a.databaseMount}/config/${a.databaseRole}`,
    undefined,
  ],
  'change the database role': [
    'POST',
    ({ a }) => `${a.databaseMount}/roles/${a.databaseRole}`,
    { db_name: 'x' },
  ],
  'change who may log in': ['POST', ({ a }) => `auth/${a.jwtMount}/role/${a.jwtRole}`, {}],
  'read a policy': ['GET', ({ a }) => `sys/policies/acl/airlock-target-${a.target}`, undefined],
};

const beyondReaper: Record<string, Cell> = {
  'read a credential': ['GET', ({ a }) => `${a.databaseMount}/creds/${a.databaseRole}`, undefined],
  'revoke the whole database mount': [
    'PUT',
    ({ a }) => `sys/leases/revoke-prefix/${a.databaseMount}`,
    {},
  ],
  'revoke every token': ['PUT', () => 'sys/leases/revoke-prefix/auth', {}],
  'look a token up': ['POST', () => 'auth/token/lookup-accessor', { accessor: 'x' }],
  'make a token': ['POST', () => 'auth/token/create', {}],
  'issue itself another secret id': ['POST', () => 'auth/approle/role/reaper/secret-id', {}],
};

for (const server of vaultServers()) {
  describe(`policies on ${server.name}`, () => {
    let fixture: Fixture;
    before(async () => {
      fixture = await createFixture(server);
    });
    after(() => fixture.close());

    const reaperToken = async () => {
      const { roleId, secretId } = fixture.reaper;
      const { status, body } = await fixture.call(null, 'POST', 'auth/approle/login', {
        role_id: roleId,
        secret_id: secretId,
      });
      assert.equal(status, 200, JSON.stringify(body));
      return body.auth?.client_token ?? '';
    };

    for (const [what, [method, path, body]] of Object.entries(elsewhere)) {
      test(`a delivery’s token cannot ${what}`, async () => {
        const { token } = await fixture.login(fixture.a);
        const answer = await fixture.call(token, method, path(fixture), body);
        assert.equal(answer.status, 403, JSON.stringify(answer.body));
      });
    }

    for (const [what, [method, path, body]] of Object.entries(beyondReaper)) {
      test(`the reaper cannot ${what}`, async () => {
        const answer = await fixture.call(await reaperToken(), method, path(fixture), body);
        assert.equal(answer.status, 403, JSON.stringify(answer.body));
      });
    }

    test('a delivery’s token ends itself, and is nothing afterwards', async () => {
      const { token } = await fixture.login(fixture.a);
      assert.equal((await fixture.call(token, 'POST', 'auth/token/revoke-self')).status, 204);
      const path = `${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}`;
      assert.equal((await fixture.call(token, 'GET', path)).status, 403);
    });

    test('no token and a wrong token are both refused', async () => {
      const path = `${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}`;
      // Vault of the 1.8 line answers 400 to a missing token, OpenBao 403.
      assert.ok([400, 403].includes((await fixture.call(null, 'GET', path)).status));
      assert.equal((await fixture.call('s.wrong', 'GET', path)).status, 403);
    });

    test('a wrong secret id does not log in', async () => {
      const { status, body } = await fixture.call(null, 'POST', 'auth/approle/login', {
        role_id: fixture.reaper.roleId,
        secret_id: 'wrong',
      });
      assert.equal(status, 400);
      assert.match(body.errors?.join('\n') ?? '', /invalid (?:role or secret ID|secret id)/);
    });
  });
}
