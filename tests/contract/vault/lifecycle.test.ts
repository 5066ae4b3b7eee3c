import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fixture, createFixture } from './fixture.ts';
import { vaultServers } from './servers.ts';

for (const server of vaultServers()) {
  describe(`a lease’s life on ${server.name}`, () => {
    let fixture: Fixture;
    before(async () => {
      fixture = await createFixture(server);
      // What ends after two seconds, beside what the first target gives out for two minutes: a login of the first target, and
      // the credential of the second.
      const { jwtMount, jwtRole } = fixture.a;
      const login = await asRoot('GET', `auth/${jwtMount}/role/${jwtRole}`);
      const short = { token_ttl: '2s', token_max_ttl: '2s', token_explicit_max_ttl: '2s' };
      await insist('POST', `auth/${jwtMount}/role/short`, { ...login.body.data, ...short });
      const role = `${fixture.b.databaseMount}/roles/${fixture.b.databaseRole}`;
      const { body } = await asRoot('GET', role);
      await insist('POST', role, { ...body.data, default_ttl: '2s', max_ttl: '2s' });
    });
    after(() => fixture.close());

    const asRoot = (method: string, path: string, body?: object) =>
      fixture.call(fixture.rootToken, method, path, body);
    const insist = async (method: string, path: string, body: object) => {
      const { status, body: answered } = await asRoot(method, path, body);
      assert.ok(status < 300, `${method} ${path}: ${status} ${answered.errors?.join('; ') ?? ''}`);
    };
    const lookup = (leaseId: string) => asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
    const eventually = async (what: string, holds: () => Promise<boolean>) => {
      for (let attempt = 0; attempt < 100; attempt += 1) {
        if (await holds()) return;
        await sleep(100);
      }
      assert.fail(`not within 10 s: ${what}`);
    };
    const isGone = async (leaseId: string) => (await lookup(leaseId)).status === 400;
    const newCredential = async () => {
      const { token, accessor } = await fixture.login(fixture.a);
      return { token, accessor, ...(await fixture.credential(fixture.a, token)) };
    };
    /** Takes Vault's own way into the target's database away, and gives it back. */
    const lockVaultOut = async (isOut: boolean) => {
      const { username } = fixture.a.connection;
      await fixture.asAdmin(fixture.a, `ALTER ROLE "${username}" ${isOut ? 'NOLOGIN' : 'LOGIN'}`);
      await fixture.asAdmin(
        fixture.a,
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1',
        [username],
      );
    };

    test('a lease’s lookup says when it began and how long it still lasts', async () => {
      const { leaseId } = await newCredential();
      const { status, body } = await lookup(leaseId);
      assert.equal(status, 200);
      const { id, issue_time: issued, expire_time: expires, ttl, renewable } = body.data ?? {};
      assert.deepEqual([id, renewable, body.data?.['last_renewal']], [leaseId, true, null]);
      assert.ok(Number(ttl) > 110 && Number(ttl) <= 120, String(ttl));
      const lasts = Date.parse(String(expires)) - Date.parse(String(issued));
      assert.ok(Math.abs(lasts - 120_000) < 1000, String(lasts));
    });

    test('a lease that ends takes its role along, and is an invalid lease then', async () => {
      const path = `${fixture.b.databaseMount}/creds/${fixture.b.databaseRole}`;
      const { status, body } = await asRoot('GET', path);
      assert.equal(status, 200, JSON.stringify(body));
      const leaseId = body.lease_id ?? '';
      const username = String(body.data?.['username']);
      assert.equal(await fixture.roleExists(fixture.b, username), true);
      await fixture.vault.passSeconds(2.2);
      await eventually('the lease is gone', () => isGone(leaseId));
      assert.equal(await fixture.roleExists(fixture.b, username), false);
    });

    test('a credential dies with the token that read it, whatever its own lease said', async () => {
      const { body } = await fixture.call(null, 'POST', `auth/${fixture.a.jwtMount}/login`, {
        role: 'short',
        jwt: fixture.mint(fixture.a),
      });
      const token = body.auth?.client_token ?? '';
      assert.equal(body.auth?.lease_duration, 2);
      const { leaseId, username } = await fixture.credential(fixture.a, token);
      await fixture.vault.passSeconds(2.2);
      const path = `${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}`;
      assert.equal((await fixture.call(token, 'GET', path)).status, 403);
      await eventually('the lease is gone', () => isGone(leaseId));
      assert.equal(await fixture.roleExists(fixture.a, username), false);
    });

    test('without sync a revocation is answered 202 and done soon', async () => {
      const { leaseId, username } = await newCredential();
      const { status } = await asRoot('PUT', 'sys/leases/revoke', {
        lease_id: leaseId,
        sync: false,
      });
      assert.equal(status, 202);
      await eventually('the lease is gone', () => isGone(leaseId));
      assert.equal(await fixture.roleExists(fixture.a, username), false);
    });

    test('a token’s end is answered 204 while the database keeps Vault out, and says nothing of the credential', async () => {
      const { accessor, token, leaseId, username } = await newCredential();
      await lockVaultOut(true);
      try {
        const ended = await asRoot('POST', 'auth/token/revoke-accessor', { accessor });
        assert.equal(ended.status, 204, 'the answer that must not be believed');
        assert.equal((await fixture.call(token, 'GET', 'sys/leases')).status, 403);
        const { status, body } = await lookup(leaseId);
        assert.equal(status, 200);
        assert.deepEqual([body.data?.['ttl'], body.data?.['renewable']], [0, false]);
        assert.equal(await fixture.roleExists(fixture.a, username), true);
        const listed = await asRoot(
          'GET',
          `sys/leases/lookup/${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}/?list=true`,
        );
        assert.equal(listed.status, 200, 'the list still shows it');
      } finally {
        await lockVaultOut(false);
      }
      assert.equal(
        (await asRoot('PUT', 'sys/leases/revoke', { lease_id: leaseId, sync: true })).status,
        204,
      );
      assert.equal(await fixture.roleExists(fixture.a, username), false);
    });

    test('a sync revocation that the database refuses is a 400 that says so, and can be asked for again', async () => {
      const { leaseId, username } = await newCredential();
      await lockVaultOut(true);
      try {
        const { status, body } = await asRoot('PUT', 'sys/leases/revoke', {
          lease_id: leaseId,
          sync: true,
        });
        assert.equal(status, 400);
        assert.match(body.errors?.join('\n') ?? '', /failed to revoke entry/);
        const sweep = await asRoot(
          'PUT',
          `sys/leases/revoke-prefix/${fixture.a.databaseMount}/creds/${fixture.a.databaseRole}`,
          { sync: true },
        );
        assert.equal(sweep.status, 400);
        assert.match(sweep.body.errors?.join('\n') ?? '', /failed to revoke/);
      } finally {
        await lockVaultOut(false);
      }
      const again = await asRoot('PUT', 'sys/leases/revoke', { lease_id: leaseId, sync: true });
      assert.equal(again.status, 204);
      assert.equal(await fixture.roleExists(fixture.a, username), false);
    });

    test('after all that there is nothing that Vault gave up on', async () => {
      const { status, body } = await asRoot('GET', 'sys/leases/count?type=irrevocable');
      assert.equal(status, 200);
      assert.equal(body.data?.['lease_count'], 0);
    });
  });
}
