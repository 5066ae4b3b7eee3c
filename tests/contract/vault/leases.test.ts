import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fixture, createFixture } from './fixture.ts';
import { vaultServers } from './servers.ts';

for (const server of vaultServers()) {
  describe(`database credentials and leases on ${server.name}`, () => {
    let fixture: Fixture;
    before(async () => {
      fixture = await createFixture(server);
    });
    after(() => fixture.close());

    const asRoot = (method: string, path: string, body?: object) =>
      fixture.call(fixture.rootToken, method, path, body);
    const newCredential = async () => {
      const { token, accessor } = await fixture.login(fixture.a);
      return { token, accessor, ...(await fixture.credential(fixture.a, token)) };
    };
    const prefixOf = ({ a } = fixture) => `${a.databaseMount}/creds/${a.databaseRole}`;
    const eventually = async (what: string, holds: () => Promise<boolean>) => {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        if (await holds()) return;
        await sleep(100);
      }
      assert.fail(`not within 5 s: ${what}`);
    };

    test('a credential is a real role that acts as the owner of the application', async () => {
      const { username, password, leaseId } = await newCredential();
      assert.match(username, /^v-/);
      assert.ok(leaseId.startsWith(`${prefixOf()}/`));
      const client = await fixture.connect(fixture.a, username, password);
      const { rows } = await client.query<{ who: string; session: string }>(
        'SELECT current_user AS who, session_user AS session',
      );
      await client.end();
      assert.deepEqual(rows, [{ who: fixture.a.appOwner, session: username }]);
    });

    test('the role ends by itself soon after the lease, and takes four connections at most', async () => {
      const { username } = await newCredential();
      const [row] = await fixture.asAdmin(
        fixture.a,
        `SELECT rolconnlimit, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication,
                extract(epoch FROM rolvaliduntil - now())::int
         FROM pg_roles WHERE rolname = $1`,
        [username],
      );
      const [connections, mayMore, seconds] = row ?? [];
      assert.equal(connections, 4);
      assert.equal(mayMore, false);
      const { ttlSeconds } = fixture.a;
      assert.ok(Number(seconds) > ttlSeconds - 10 && Number(seconds) <= ttlSeconds + 6);
    });

    test('revoking with sync drops the role and ends its open session before it answers', async () => {
      const { username, password, leaseId } = await newCredential();
      const client = await fixture.connect(fixture.a, username, password);
      await client.query('SELECT 1');
      const { status } = await asRoot('PUT', 'sys/leases/revoke', {
        lease_id: leaseId,
        sync: true,
      });
      assert.equal(status, 204);
      assert.equal(await fixture.roleExists(fixture.a, username), false);
      await assert.rejects(client.query('SELECT 1'));
      await assert.rejects(fixture.connect(fixture.a, username, password));
    });

    test('tables that the hook made stay, and belong to the application', async () => {
      const { username, password, leaseId } = await newCredential();
      const client = await fixture.connect(fixture.a, username, password);
      await client.query(`CREATE TABLE as_owner_${server.isDouble} (id int)`);
      await client.query('RESET ROLE');
      await client.query('SET ROLE NONE');
      await client.query(`CREATE TABLE as_itself_${server.isDouble} (id int)`);
      await client.end();
      const { status, body } = await asRoot('PUT', 'sys/leases/revoke', {
        lease_id: leaseId,
        sync: true,
      });
      assert.equal(status, 204, JSON.stringify(body));
      assert.equal(await fixture.roleExists(fixture.a, username), false);
      const owners = await fixture.asAdmin(
        fixture.a,
        `SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'as\\_%'`,
      );
      assert.deepEqual(owners, [[fixture.a.appOwner]]);
    });

    test('revoking twice, or what never was, succeeds', async () => {
      const { leaseId } = await newCredential();
      for (const id of [leaseId, leaseId, `${prefixOf()}/never-was`]) {
        const { status } = await asRoot('PUT', 'sys/leases/revoke', { lease_id: id, sync: true });
        assert.equal(status, 204);
      }
    });

    test('a role that somebody dropped by hand does not keep its lease alive', async () => {
      const { username, leaseId } = await newCredential();
      await fixture.asAdmin(fixture.a, `SELECT airlock_admin.drop_ephemeral('${username}')`);
      const { status } = await asRoot('PUT', 'sys/leases/revoke', {
        lease_id: leaseId,
        sync: true,
      });
      assert.equal(status, 204);
    });

    test('a revoked lease is an invalid lease', async () => {
      const { leaseId } = await newCredential();
      const before = await asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
      assert.equal(before.status, 200);
      assert.equal(before.body.data?.['id'], leaseId);
      await asRoot('PUT', 'sys/leases/revoke', { lease_id: leaseId, sync: true });
      const after = await asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
      assert.equal(after.status, 400);
      assert.match(after.body.errors?.join() ?? '', /invalid lease/);
    });

    test('revoking a token by accessor ends its leases; a second time there is nothing to revoke', async () => {
      const { accessor, token, username } = await newCredential();
      assert.equal((await asRoot('POST', 'auth/token/revoke-accessor', { accessor })).status, 204);
      assert.equal((await fixture.call(token, 'GET', prefixOf())).status, 403);
      await eventually(
        'the role is gone',
        async () => !(await fixture.roleExists(fixture.a, username)),
      );
      const again = await asRoot('POST', 'auth/token/revoke-accessor', { accessor });
      // Vault: 400 "invalid accessor". OpenBao: 200 with a warning that says the same.
      assert.ok(
        again.status === 200 || /invalid accessor/.test(again.body.errors?.join() ?? ''),
        JSON.stringify(again),
      );
    });

    test('the sweep by prefix ends tokens and leases whose ids nobody stored', async () => {
      const { token, username } = await newCredential();
      const sweeps = [`auth/${fixture.a.jwtMount}/login`, prefixOf()];
      for (const prefix of sweeps) {
        const listed = await asRoot('GET', `sys/leases/lookup/${prefix}/?list=true`);
        assert.equal(listed.status, 200, `${prefix} before`);
      }
      for (const prefix of sweeps) {
        const { status } = await asRoot('PUT', `sys/leases/revoke-prefix/${prefix}`, {
          sync: true,
        });
        assert.equal(status, 204);
      }
      for (const prefix of sweeps) {
        await eventually(`${prefix} is empty`, async () => {
          const listed = await asRoot('GET', `sys/leases/lookup/${prefix}/?list=true`);
          if (listed.status === 404) assert.deepEqual(listed.body, { errors: [] });
          return listed.status === 404;
        });
      }
      assert.equal(await fixture.roleExists(fixture.a, username), false);
      assert.equal((await fixture.call(token, 'GET', prefixOf())).status, 403);
    });

    test('the sweep of one target leaves another’s alone', async () => {
      const { token } = await fixture.login(fixture.b);
      const { username } = await fixture.credential(fixture.b, token);
      await asRoot('PUT', `sys/leases/revoke-prefix/${prefixOf()}`, { sync: true });
      await asRoot('PUT', `sys/leases/revoke-prefix/auth/${fixture.a.jwtMount}/login`, {});
      assert.equal(await fixture.roleExists(fixture.b, username), true);
      await asRoot('POST', `auth/token/revoke`, { token });
    });

    test('a sweep of nothing succeeds', async () => {
      const { status } = await asRoot('PUT', `sys/leases/revoke-prefix/${prefixOf()}`, {});
      assert.equal(status, 204);
    });

    test('Vault’s own login can make and drop nothing but ephemeral roles', async () => {
      const { username, password } = fixture.a.connection;
      const client = await fixture.connect(fixture.a, username, password);
      try {
        for (const statement of [
          'CREATE ROLE intruder',
          `ALTER ROLE "${fixture.a.appOwner}" LOGIN`,
          `SELECT airlock_admin.drop_ephemeral('${fixture.a.appOwner}')`,
          `SELECT airlock_admin.create_ephemeral('intruder', 'x', 'infinity')`,
        ]) {
          await assert.rejects(client.query(statement), { name: 'error' }, statement);
        }
      } finally {
        await client.end();
      }
    });

    test('a hook’s role cannot reach the functions that make roles', async () => {
      const { username, password } = await newCredential();
      const client = await fixture.connect(fixture.a, username, password);
      try {
        await assert.rejects(
          client.query(`SELECT airlock_admin.create_ephemeral('v-mine', 'x', 'infinity')`),
        );
        await assert.rejects(client.query(`ALTER ROLE "${username}" VALID UNTIL 'infinity'`));
      } finally {
        await client.end();
      }
    });
  });
}
