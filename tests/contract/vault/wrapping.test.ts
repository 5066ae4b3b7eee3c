import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`response wrapping on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.enable('approle')) ?? '';
      await space.asRoot('POST', `auth/${mount}/role/reaper`, {
        secret_id_num_uses: 1,
        token_ttl: 60,
      });
    });
    after(() => space.close());

    const path = () => `auth/${mount}/role/reaper/secret-id`;
    const wrapped = async (ttl = '60s') => {
      const answer = await space.asRoot('POST', path(), {}, { 'X-Vault-Wrap-TTL': ttl });
      assert.equal(answer.status, 200, answer.errors);
      return { token: tokenIn(answer.body.wrap_info), answer };
    };
    const ask = (call: 'lookup' | 'unwrap' | 'rewrap', token: string) =>
      space.asRoot('POST', `sys/wrapping/${call}`, { token });

    test('an answer that is wrapped holds nothing but the key to it', async () => {
      const { answer } = await wrapped();
      assert.equal(answer.body.data, null);
      assert.equal(answer.body.request_id, '');
      assert.equal(answer.body.wrap_info?.['ttl'], 60);
      assert.equal(answer.body.wrap_info['creation_path'], path());
    });

    test('whoever holds it can see who made it before they open it, without any token of their own', async () => {
      const { token } = await wrapped();
      const seen = await space.call(null, 'POST', 'sys/wrapping/lookup', { token });
      assert.equal(seen.status, 200);
      assert.equal(seen.body.data?.['creation_path'], path());
      assert.equal(seen.body.data['creation_ttl'], 60);
    });

    test('it opens once, with itself as the token, and the secret id in it logs in', async () => {
      const { token } = await wrapped();
      const opened = await space.call(token, 'POST', 'sys/wrapping/unwrap');
      assert.equal(opened.status, 200);
      const role = await space.asRoot('GET', `auth/${mount}/role/reaper/role-id`);
      const login = await space.call(null, 'POST', `auth/${mount}/login`, {
        role_id: role.body.data?.['role_id'],
        secret_id: opened.body.data?.['secret_id'],
      });
      assert.equal(login.status, 200);
    });

    test('a second opening is refused, however it is asked: somebody was faster', async () => {
      const { token } = await wrapped();
      assert.equal((await ask('unwrap', token)).status, 200);
      const again = [
        await ask('unwrap', token),
        await space.call(token, 'POST', 'sys/wrapping/unwrap'),
        await ask('lookup', token),
        await ask('rewrap', token),
      ];
      for (const answer of again) {
        assert.equal(answer.status, 400);
        assert.match(answer.errors, /wrapping token is not valid or does not exist/);
      }
    });

    test('what is no wrapping token is not opened', async () => {
      for (const token of ['nonsense', space.vault.rootToken]) {
        const answer = await ask('unwrap', token);
        assert.equal(answer.status, 400);
        assert.match(answer.errors, /wrapping token is not valid/);
      }
    });

    test('another’s wrapping token needs a token of one’s own', async () => {
      const { token } = await wrapped();
      const { status } = await space.call(null, 'POST', 'sys/wrapping/unwrap', { token });
      assert.ok([400, 403].includes(status), String(status));
      assert.equal((await ask('unwrap', token)).status, 200, 'and the attempt did not spoil it');
    });

    test('rewrapping ends the old key and keeps where the answer came from', async () => {
      const { token } = await wrapped();
      const again = await ask('rewrap', token);
      assert.equal(again.body.wrap_info?.['creation_path'], path());
      assert.equal((await ask('lookup', token)).status, 400);
      const opened = await ask('unwrap', tokenIn(again.body.wrap_info));
      assert.equal(typeof opened.body.data?.['secret_id'], 'string');
    });

    test('any other use of it is denied and spoils it', async () => {
      const { token } = await wrapped();
      assert.equal((await space.call(token, 'GET', 'auth/token/lookup-self')).status, 403);
      assert.equal((await ask('unwrap', token)).status, 400);
    });

    test('its accessor revokes it unopened', async () => {
      const { token, answer } = await wrapped();
      await space.asRoot('POST', 'auth/token/revoke-accessor', {
        accessor: answer.body.wrap_info?.['accessor'],
      });
      assert.equal((await ask('unwrap', token)).status, 400);
    });

    test('nobody can wrap a text of their own and pass it off as the role’s secret id', async () => {
      const answer = await space.asRoot(
        'POST',
        'sys/wrapping/wrap',
        { secret_id: 'forged' },
        { 'X-Vault-Wrap-TTL': '60' },
      );
      assert.equal(answer.body.wrap_info?.['creation_path'], 'sys/wrapping/wrap');
      const opened = await ask('unwrap', tokenIn(answer.body.wrap_info));
      assert.deepEqual(opened.body.data, { secret_id: 'forged' });
    });

    test('wrapping without saying for how long is refused', async () => {
      const answer = await space.asRoot('POST', 'sys/wrapping/wrap', { a: 'b' });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /requires response wrapping/);
    });

    test('a wrapping time that is none is refused', async () => {
      const headers = { 'X-Vault-Wrap-TTL': 'nonsense' };
      const answer = await space.asRoot('POST', path(), {}, headers);
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /invalid duration/);
    });

    test('a refusal is not wrapped', async () => {
      const headers = { 'X-Vault-Wrap-TTL': '60s' };
      const answer = await space.asRoot('POST', `auth/${mount}/role/none/secret-id`, {}, headers);
      // Vault answers 400 here, OpenBao 404.
      assert.ok([400, 404].includes(answer.status), String(answer.status));
      assert.match(answer.errors, /role "none" does not exist/);
    });
  });
}

function tokenIn(info: Record<string, unknown> | null | undefined): string {
  const token = info?.['token'];
  assert.ok(typeof token === 'string' && token !== '');
  return token;
}
