/** Where Vault 1.8, Vault 1.2x and OpenBao 2.6 differ: what the stand-in answers as each, and what is common to all. */
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import { startVaultDouble } from '@airlock/vault-double/server';
import type { ProfileName } from '@airlock/vault-double/profile';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

/** Sent as it is: fetch would clean the path first. */
function ask(address: string, path: string, token: string) {
  return new Promise<{ status: number; location: string | undefined; text: string }>(
    (resolve, reject) => {
      const { request } = address.startsWith('https:') ? https : http;
      const outgoing = request(address, { path, headers: { 'X-Vault-Token': token } });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, location: response.headers.location, text });
        });
      });
      outgoing.end();
    },
  );
}

for (const server of vaultServers()) {
  describe(`paths and missing tokens on ${server.name}`, () => {
    let space: Workspace;
    before(async () => {
      space = openWorkspace(await server.start());
    });
    after(() => space.close());

    test('a path with .. is redirected to the clean one and not followed', async () => {
      const { address, rootToken } = space.vault;
      const { status, location } = await ask(address, '/v1/secret/../sys/mounts', rootToken);
      assert.ok(status === 301 || status === 307, String(status));
      assert.equal(location, '/v1/sys/mounts');
    });

    test('a percent-encoded .. reaches nothing either', async () => {
      const { address, rootToken } = space.vault;
      const { status } = await ask(address, '/v1/secret/%2e%2e/sys/mounts', rootToken);
      assert.ok([301, 307, 400].includes(status), String(status));
    });

    test('no token at all is refused with 400 or 403', async () => {
      const { status, errors } = await space.call(null, 'GET', 'sys/policies/acl/default');
      assert.ok(
        (status === 400 && /missing client token/.test(errors)) ||
          (status === 403 && /permission denied/.test(errors)),
        `${status} ${errors}`,
      );
    });
  });
}

type Differences = {
  tokenPrefix: string;
  missingToken: [number, string];
  wrongSecretId: string;
  wrongRoleId: string;
  absentAccessor: [number, string];
  dots: number;
  encodedDots: number;
};

const expected: Record<ProfileName, Differences> = {
  'vault-1.8': {
    tokenPrefix: 's.',
    missingToken: [400, 'missing client token'],
    wrongSecretId: 'invalid secret id',
    wrongRoleId: 'invalid role ID',
    absentAccessor: [400, '1 error occurred:\n\t* invalid accessor\n\n'],
    dots: 301,
    encodedDots: 301,
  },
  'vault-1.2x': {
    tokenPrefix: 'hvs.',
    missingToken: [403, 'permission denied'],
    wrongSecretId: 'invalid role or secret ID',
    wrongRoleId: 'invalid role or secret ID',
    absentAccessor: [400, '1 error occurred:\n\t* invalid accessor\n\n'],
    dots: 301,
    encodedDots: 400,
  },
  'openbao-2.6': {
    tokenPrefix: 's.',
    missingToken: [403, 'permission denied'],
    wrongSecretId: 'invalid role or secret ID',
    wrongRoleId: 'invalid role or secret ID',
    absentAccessor: [200, ''],
    dots: 307,
    encodedDots: 400,
  },
};

describe('answers that differ between servers on double', () => {
  for (const profile of ['vault-1.8', 'vault-1.2x', 'openbao-2.6'] as const) {
    test(`as ${profile} it answers where servers differ as that one does`, async () => {
      const rootToken = 'root-of-this-test';
      const double = await startVaultDouble({ host: '127.0.0.1', port: 0, rootToken, profile });
      const passSeconds = () => Promise.resolve();
      const space = openWorkspace({
        ...double,
        rootToken,
        auditFile: null,
        now: Date.now,
        passSeconds,
      });
      try {
        await space.asRoot('POST', 'sys/auth/approle', { type: 'approle' });
        await space.asRoot('POST', 'auth/approle/role/reaper', {});
        const role = await space.asRoot('GET', 'auth/approle/role/reaper/role-id');
        const logIn = (roleId: unknown, secretId: string) =>
          space.call(null, 'POST', 'auth/approle/login', { role_id: roleId, secret_id: secretId });
        const made = await space.asRoot('POST', 'auth/token/create', { ttl: '60s' });
        const missing = await space.call(null, 'GET', 'sys/mounts');
        const absent = await space.asRoot('POST', 'auth/token/revoke-accessor', {
          accessor: 'none',
        });
        const dots = await ask(double.address, '/v1/a/../sys/mounts', rootToken);
        const encoded = await ask(double.address, '/v1/a/%2E%2e/sys/mounts', rootToken);
        const found: Differences = {
          tokenPrefix: (made.body.auth?.client_token ?? '').replace(/[^.]*$/, ''),
          missingToken: [missing.status, missing.errors],
          wrongSecretId: (await logIn(role.body.data?.['role_id'], 'wrong')).errors,
          wrongRoleId: (await logIn('wrong', 'wrong')).errors,
          absentAccessor: [absent.status, absent.errors],
          dots: dots.status,
          encodedDots: encoded.status,
        };
        assert.deepEqual(found, expected[profile]);
      } finally {
        await space.close();
      }
    });
  }
});
