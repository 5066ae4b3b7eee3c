import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`AppRoles and their secret ids on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.enable('approle')) ?? '';
    });
    after(() => space.close());

    const at = (path: string) => `auth/${mount}/${path}`;
    const makeRole = async (name: string, terms: object = {}) => {
      const role = { token_ttl: 60, token_no_default_policy: true, ...terms };
      assert.equal((await space.asRoot('POST', at(`role/${name}`), role)).status, 204);
      const { body } = await space.asRoot('GET', at(`role/${name}/role-id`));
      return String(body.data?.['role_id']);
    };
    const issue = async (name: string, terms: object = {}) => {
      const { body, errors } = await space.asRoot('POST', at(`role/${name}/secret-id`), terms);
      const { secret_id: secretId, secret_id_accessor: accessor } = body.data ?? {};
      assert.ok(typeof secretId === 'string' && typeof accessor === 'string', errors);
      return { secretId, accessor };
    };
    const logIn = (roleId: string, secretId: string) =>
      space.call(null, 'POST', at('login'), { role_id: roleId, secret_id: secretId });
    const refused = async (roleId: string, secretId: string) => {
      const { status, errors } = await logIn(roleId, secretId);
      assert.equal(status, 400);
      assert.match(errors, /invalid (?:role or secret ID|secret id|role ID)/);
    };

    test('a secret id for one use logs in once', async () => {
      const roleId = await makeRole('once', { secret_id_num_uses: 1 });
      const { secretId } = await issue('once');
      assert.equal((await logIn(roleId, secretId)).status, 200);
      await refused(roleId, secretId);
    });

    test('how often it logs in can be said when it is issued', async () => {
      const roleId = await makeRole('asked');
      const { secretId } = await issue('asked', { num_uses: 2 });
      assert.equal((await logIn(roleId, secretId)).status, 200);
      assert.equal((await logIn(roleId, secretId)).status, 200);
      await refused(roleId, secretId);
    });

    // Known of Vault and not of us: no login looks at the time, and the server sweeps once a minute.
    const waits = server.isDouble
      ? false
      : 'a minute of waiting for the sweep; seen on OpenBao 2.6.2';
    test('past its time it still logs in, until the next sweep', { skip: waits }, async () => {
      const roleId = await makeRole('expired');
      const { secretId } = await issue('expired', { ttl: '2s' });
      await space.vault.passSeconds(3);
      assert.equal((await logIn(roleId, secretId)).status, 200);
      await space.vault.passSeconds(60);
      await refused(roleId, secretId);
    });

    test('a secret id of one role is none of another', async () => {
      await makeRole('mine');
      const other = await makeRole('other');
      await refused(other, (await issue('mine')).secretId);
    });

    // Whoever knows the role id can do this to its owner; Vault before 1.13 locks nobody.
    test('five refused logins lock the role out with the right secret id too, unless the mount says no', async (t) => {
      const roleId = await makeRole('guessed');
      const { secretId } = await issue('guessed');
      const guess = async () => {
        for (let count = 0; count < 5; count += 1) {
          assert.equal((await logIn(roleId, 'wrong')).status, 400);
        }
      };
      await guess();
      const { status } = await logIn(roleId, secretId);
      // A real Vault of that age cannot be told by its name; each stand-in but the oldest has to lock.
      if (status === 200 && (!server.isDouble || server.name === 'double as vault-1.8')) {
        t.skip('this server locks nobody out');
        return;
      }
      assert.equal(status, 403);
      const tuned = await space.asRoot('POST', `sys/auth/${mount}/tune`, {
        user_lockout_config: { lockout_disable: true },
      });
      assert.equal(tuned.status, 204, tuned.errors);
      assert.equal((await logIn(roleId, secretId)).status, 200);
      await guess();
      assert.equal((await logIn(roleId, secretId)).status, 200);
    });

    test('accessors are listed, and one of them takes its secret id back', async () => {
      const roleId = await makeRole('listed');
      const empty = await space.asRoot('GET', at('role/listed/secret-id?list=true'));
      assert.equal(empty.status, 404);
      const [kept, dropped] = [await issue('listed'), await issue('listed')];
      const listed = await space.asRoot('GET', at('role/listed/secret-id?list=true'));
      assert.deepEqual(
        sorted(listed.body.data?.['keys']),
        [kept.accessor, dropped.accessor].sort(),
      );
      const destroyed = await space.asRoot('POST', at('role/listed/secret-id-accessor/destroy'), {
        secret_id_accessor: dropped.accessor,
      });
      assert.equal(destroyed.status, 204);
      await refused(roleId, dropped.secretId);
      assert.equal((await logIn(roleId, kept.secretId)).status, 200);
    });

    test('an accessor that is gone is an error and no success', async () => {
      await makeRole('gone');
      const answer = await space.asRoot('POST', at('role/gone/secret-id-accessor/destroy'), {
        secret_id_accessor: 'never-was',
      });
      assert.equal(answer.status, 500);
      assert.match(answer.errors, /failed to find accessor entry/);
    });

    test('roles are listed by name', async () => {
      await makeRole('a-role');
      const { body } = await space.asRoot('GET', at('role?list=true'));
      assert.ok(sorted(body.data?.['keys']).includes('a-role'));
    });

    test('a role written again keeps its role id', async () => {
      const before = await makeRole('again');
      assert.equal(await makeRole('again', { token_max_ttl: 60 }), before);
    });

    test('without role id or secret id nobody logs in', async () => {
      const roleId = await makeRole('empty');
      const missing = await space.call(null, 'POST', at('login'), { role_id: roleId });
      assert.equal(missing.status, 400);
      assert.match(missing.errors, /missing secret_id/);
    });

    test('its token is an orphan that carries the role’s name', async () => {
      const roleId = await makeRole('named');
      const { body } = await logIn(roleId, (await issue('named')).secretId);
      assert.equal(body.auth?.orphan, true);
      assert.equal(body.auth.metadata['role_name'], 'named');
      assert.equal(body.auth.lease_duration, 60);
    });
  });
}

function sorted(keys: unknown): readonly string[] {
  assert.ok(Array.isArray(keys));
  return keys.map(String).sort();
}
