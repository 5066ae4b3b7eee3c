/** What nonprod's envelope encryption builds on, tried on the server itself. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contextOf } from '@airlock/envelope/context';
import {
  proveContextBinds,
  wrappedVersion,
  type KekProvider,
} from '@airlock/envelope/kek-provider';
import { newKey } from '@airlock/envelope/seal';
import { openKeeper, KeeperSettings } from '@airlock/envelope/settings';
import { type RunningVault, vaultServers } from './servers.ts';

const context = contextOf({ type: 'project-dek', project: 'shop/web', dek: 'dek_0000000000' });
const elsewhere = contextOf({ type: 'project-dek', project: 'shop/api', dek: 'dek_0000000000' });

/** As docs/operations/secrets.md has it. */
const policyFor = (mount: string, key: string) => ({
  path: {
    [`${mount}/encrypt/${key}`]: { capabilities: ['update'] },
    [`${mount}/decrypt/${key}`]: { capabilities: ['update'] },
    [`${mount}/rewrap/${key}`]: { capabilities: ['update'] },
    [`${mount}/keys/${key}`]: { capabilities: ['read'] },
  },
});

for (const server of vaultServers()) {
  describe(`the Transit keeper on ${server.name}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'airlock-keeper-'));
    let vault: RunningVault;
    let call: (method: string, path: string, body?: object) => Promise<Record<string, unknown>>;
    const mount = `keeper-${randomBytes(3).toString('hex')}`;

    before(async () => {
      vault = await server.start();
      call = async (method, path, body) => {
        const response = await fetch(`${vault.address}/v1/${path}`, {
          method,
          headers: { 'x-vault-token': vault.rootToken },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
        // Vault's envelope around every answer.
        const answer = (text === '' ? {} : JSON.parse(text)) as { data?: Record<string, unknown> };
        return answer.data ?? {};
      };
      await call('POST', `sys/mounts/${mount}`, { type: 'transit' });
      await call('POST', `sys/auth/${mount}`, { type: 'approle' });
      for (const key of ['derived', 'plain', 'rotated']) {
        await call('POST', `${mount}/keys/${key}`, { derived: key !== 'plain' });
        const policy = JSON.stringify(policyFor(mount, key));
        await call('POST', `sys/policies/acl/${mount}-${key}`, { policy });
        await call('POST', `auth/${mount}/role/${key}`, {
          token_policies: [`${mount}-${key}`],
          token_ttl: '10m',
        });
      }
    });
    after(async () => {
      await call('DELETE', `sys/mounts/${mount}`);
      await call('DELETE', `sys/auth/${mount}`);
      for (const key of ['derived', 'plain', 'rotated']) {
        await call('DELETE', `sys/policies/acl/${mount}-${key}`);
      }
      await vault.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    async function keeperOf(key: string, role = key): Promise<KekProvider> {
      const file = (name: string, text: unknown): string => {
        const path = join(directory, `${role}-${name}`);
        writeFileSync(path, String(text), { mode: 0o600 });
        return path;
      };
      const roleId = await call('GET', `auth/${mount}/role/${role}/role-id`);
      const secretId = await call('POST', `auth/${mount}/role/${role}/secret-id`, {});
      return openKeeper(
        KeeperSettings.parse({
          kind: 'vault-transit',
          address: vault.address,
          ...(vault.caFile === undefined ? {} : { caFile: vault.caFile }),
          mount,
          key,
          identity: {
            mount,
            roleIdFile: file('role-id', roleId['role_id']),
            secretIdFile: file('secret-id', secretId['secret_id']),
          },
        }),
      );
    }

    test('a derived key passes the self-test', async () => {
      await proveContextBinds(await keeperOf('derived'));
    });

    test('a key that is not derived, which ignores the context, does not', async () => {
      await assert.rejects(proveContextBinds(await keeperOf('plain')), {
        code: 'configuration-refused',
        message: /derived=true/,
      });
    });

    test('what was wrapped for one project does not unwrap for another', async () => {
      const kek = await keeperOf('derived');
      const key = newKey();
      const wrapped = await kek.wrap(key, context);
      assert.ok((await kek.unwrap(wrapped, context)).equals(key));
      await assert.rejects(kek.unwrap(wrapped, elsewhere), { code: 'envelope-unopenable' });
      await assert.rejects(kek.rewrap(wrapped, elsewhere), { code: 'envelope-unopenable' });
    });

    test('after a rotation old and new open, and once the old version is shut off only what was rewrapped does', async () => {
      const kek = await keeperOf('rotated');
      const key = newKey();
      const first = await kek.wrap(key, context);
      assert.equal(await kek.currentVersion(), 1);
      await call('POST', `${mount}/keys/rotated/rotate`);
      assert.equal(await kek.currentVersion(), 2);
      const second = await kek.rewrap(first, context);
      assert.deepEqual([wrappedVersion(first), wrappedVersion(second)], [1, 2]);
      await call('POST', `${mount}/keys/rotated/config`, { min_decryption_version: 2 });
      assert.ok((await kek.unwrap(second, context)).equals(key));
      await assert.rejects(kek.unwrap(first, context), { code: 'kek-refused', message: /too old/ });
    });

    test('an identity uses its own key and no other, and can neither rotate nor export it', async () => {
      const other = await keeperOf('plain', 'derived');
      await assert.rejects(other.wrap(newKey(), context), { code: 'kek-refused' });
      const login = await fetch(`${vault.address}/v1/auth/${mount}/login`, {
        method: 'POST',
        body: JSON.stringify({
          role_id: (await call('GET', `auth/${mount}/role/derived/role-id`))['role_id'],
          secret_id: (await call('POST', `auth/${mount}/role/derived/secret-id`, {}))['secret_id'],
        }),
      });
      const { auth } = (await login.json()) as { auth: { client_token: string } };
      for (const path of [
        'keys/derived/rotate',
        'keys/derived/config',
        'datakey/plaintext/derived',
      ]) {
        const { status } = await fetch(`${vault.address}/v1/${mount}/${path}`, {
          method: 'POST',
          headers: { 'x-vault-token': auth.client_token },
          body: '{}',
        });
        assert.equal(status, 403, path);
      }
      const exported = await fetch(`${vault.address}/v1/${mount}/export/encryption-key/derived`, {
        headers: { 'x-vault-token': auth.client_token },
      });
      assert.equal(exported.status, 403);
    });
  });
}
