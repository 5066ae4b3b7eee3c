import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`certificates of the PKI engine on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    before(async () => {
      space = openWorkspace(await server.start());
      mount = (await space.mount('pki')) ?? '';
      const ec = { key_type: 'ec', key_bits: 256 };
      await ask('root/generate/internal', { common_name: 'Contract CA', ttl: '24h', ...ec });
      const deploy = { allowed_domains: ['deploy.example'], allow_bare_domains: true, ...ec };
      await ask('roles/deploy', { ...deploy, server_flag: false, ttl: '15m', max_ttl: '1h' });
      await ask('roles/leased', { ...deploy, generate_lease: true, max_ttl: '1h' });
    });
    after(() => space.close());

    const ask = (path: string, body: object) => space.asRoot('POST', `${mount}/${path}`, body);
    const issue = async (body: object = {}, role = 'deploy') => {
      const answer = await ask(`issue/${role}`, { common_name: 'deploy.example', ...body });
      assert.equal(answer.status, 200, answer.errors);
      const { data, lease_id: leaseId = '' } = answer.body;
      const { certificate, issuing_ca: ca, private_key: key } = data ?? {};
      assert.ok(typeof certificate === 'string' && typeof ca === 'string');
      assert.ok(typeof key === 'string');
      return { data, leaseId, leaf: new X509Certificate(certificate), ca, key };
    };

    test('a certificate is signed by the root, belongs to its key and names only the client', async () => {
      const { leaf, ca, key, data } = await issue();
      assert.equal(leaf.verify(new X509Certificate(ca).publicKey), true);
      assert.equal(leaf.checkPrivateKey(createPrivateKey(key)), true);
      assert.equal(leaf.subject, 'CN=deploy.example');
      assert.equal(leaf.subjectAltName, 'DNS:deploy.example');
      assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2']);
      assert.equal(leaf.ca, false);
      assert.equal(data?.['private_key_type'], 'ec');
    });

    test('its serial number and its end are told beside it', async () => {
      const { leaf, data } = await issue();
      assert.equal(
        String(data?.['serial_number']).replaceAll(':', '').toUpperCase(),
        leaf.serialNumber,
      );
      assert.equal(data?.['expiration'], Date.parse(leaf.validTo) / 1000);
      const minutes = (Date.parse(leaf.validTo) - Date.now()) / 60_000;
      assert.ok(minutes > 14 && minutes < 15.1, `${minutes} minutes`);
    });

    test('it has no lease: nothing takes it back', async () => {
      assert.equal((await issue()).leaseId, '');
    });

    test('a role that generates leases gives one, which ends but cannot be renewed', async () => {
      const { leaseId } = await issue({}, 'leased');
      assert.ok(leaseId.startsWith(`${mount}/issue/leased/`));
      const lookup = await space.asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
      assert.equal(lookup.body.data?.['renewable'], false);
      const renewed = await space.asRoot('PUT', 'sys/leases/renew', { lease_id: leaseId });
      assert.equal(renewed.status, 400);
      assert.match(renewed.errors, /lease is not renewable/);
      const revoked = await space.asRoot('PUT', 'sys/leases/revoke', {
        lease_id: leaseId,
        sync: true,
      });
      assert.equal(revoked.status, 204);
      const again = await space.asRoot('PUT', 'sys/leases/lookup', { lease_id: leaseId });
      assert.match(again.errors, /invalid lease/);
      const late = await space.asRoot('PUT', 'sys/leases/renew', { lease_id: leaseId });
      assert.equal(late.status, 400);
      assert.match(late.errors, /lease not found/);
    });

    test('a longer life than the role’s is cut, with a warning', async () => {
      const answer = await ask('issue/deploy', { common_name: 'deploy.example', ttl: '20h' });
      assert.match(JSON.stringify(answer.body), /longer than permitted maxTTL/);
      const hours = (Number(answer.body.data?.['expiration']) * 1000 - Date.now()) / 3_600_000;
      assert.ok(hours > 0.9 && hours < 1.01, `${hours} hours`);
    });

    test('the key comes as PKCS #8 when asked so', async () => {
      const { key, leaf } = await issue({ private_key_format: 'pkcs8' });
      assert.match(key, /^-----BEGIN PRIVATE KEY-----/);
      assert.equal(leaf.checkPrivateKey(createPrivateKey(key)), true);
    });

    const refused: [string, string, object, RegExp][] = [
      ['another name', 'deploy', { common_name: 'evil.example' }, /evil\.example not allowed/],
      ['a name below', 'deploy', { common_name: 'a.deploy.example' }, /not allowed by this role/],
      [
        'another alternative name',
        'deploy',
        { common_name: 'deploy.example', alt_names: 'evil.example' },
        /subject alternate name evil\.example not allowed/,
      ],
      ['no name', 'deploy', {}, /common_name field is required/],
      ['an unknown role', 'none', { common_name: 'deploy.example' }, /unknown role: none/],
    ];
    for (const [what, role, body, reason] of refused) {
      test(`a request with ${what} is refused`, async () => {
        const answer = await ask(`issue/${role}`, body);
        assert.equal(answer.status, 400);
        assert.match(answer.errors, reason);
      });
    }

    test('nothing is issued that would outlive the root', async () => {
      await ask('roles/long', { allow_any_name: true, key_type: 'ec', key_bits: 256 });
      const answer = await ask('issue/long', { common_name: 'deploy.example', ttl: '48h' });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /beyond the expiration of the CA certificate/);
    });

    test('the root’s certificate is public as PEM', async () => {
      const answer = await space.call(null, 'GET', `${mount}/ca/pem`);
      assert.equal(answer.status, 200);
      assert.equal(new X509Certificate(answer.text).subject, 'CN=Contract CA');
    });
  });
}
