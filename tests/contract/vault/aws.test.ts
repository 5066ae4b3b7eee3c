import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`AWS credentials on ${server.name}`, () => {
    // A real server asks AWS for them; without an account there is nothing to compare with.
    const skip = server.isDouble
      ? false
      : 'OpenBao has no AWS engine, and Vault’s needs an account at AWS';
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      if (skip !== false) return;
      mount = (await space.mount('aws')) ?? '';
      await space.asRoot('POST', `${mount}/config/root`, { access_key: 'AKIA', secret_key: 'x' });
      await space.asRoot('POST', `${mount}/roles/deploy`, {
        credential_type: 'assumed_role',
        role_arns: ['arn:aws:iam::123456789012:role/deploy'],
        default_sts_ttl: '15m',
        max_sts_ttl: '1h',
      });
    });
    after(() => space.close());

    test(
      'a credential is a key, its secret and a session token, with a lease',
      { skip },
      async () => {
        const { status, body } = await space.asRoot('GET', `${mount}/creds/deploy`);
        assert.equal(status, 200);
        assert.match(body.lease_id ?? '', new RegExp(`^${mount}/creds/deploy/`));
        assert.equal(body.lease_duration, 900);
        assert.deepEqual(Object.keys(body.data ?? {}).sort(), [
          'access_key',
          'secret_key',
          'security_token',
        ]);
      },
    );

    test(
      'its life can be chosen up to the role’s and not below what AWS allows',
      { skip },
      async () => {
        const ask = (ttl: string) => space.asRoot('POST', `${mount}/sts/deploy`, { ttl });
        assert.equal((await ask('30m')).body.lease_duration, 1800);
        assert.equal((await ask('2h')).body.lease_duration, 3600);
        const short = await ask('60s');
        assert.equal(short.status, 400);
        assert.match(short.errors, /greater than or equal to 900/);
      },
    );

    test('revoking its lease succeeds and takes nothing back at AWS', { skip }, async () => {
      const { body } = await space.asRoot('GET', `${mount}/creds/deploy`);
      const revoked = await space.asRoot('PUT', 'sys/leases/revoke', {
        lease_id: body.lease_id,
        sync: true,
      });
      assert.equal(revoked.status, 204);
      const lookup = await space.asRoot('PUT', 'sys/leases/lookup', { lease_id: body.lease_id });
      assert.match(lookup.errors, /invalid lease/);
    });

    test('an unknown role is refused', { skip }, async () => {
      const answer = await space.asRoot('GET', `${mount}/creds/none`);
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /Role 'none' not found/);
    });

    test('the key with which Vault asks is never read back', { skip }, async () => {
      const { text } = await space.asRoot('GET', `${mount}/config/root`);
      assert.doesNotMatch(text, /secret_key/);
    });
  });
}
