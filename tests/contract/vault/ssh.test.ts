import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { vaultServers } from './servers.ts';
import { type Workspace, openWorkspace } from './workspace.ts';

for (const server of vaultServers()) {
  describe(`SSH certificates on ${server.name}`, () => {
    let space: Workspace;
    let mount: string;
    let home: string;
    const keys: Record<string, string> = {};
    before(async () => {
      home = mkdtempSync(join(tmpdir(), 'airlock-ssh-'));
      for (const type of ['ed25519', 'rsa', 'ecdsa']) {
        const file = join(home, type);
        execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]);
        keys[type] = readFileSync(`${file}.pub`, 'utf8');
      }
      space = openWorkspace(await server.start());
      mount = (await space.mount('ssh')) ?? '';
      await ask('config/ca', { generate_signing_key: true, key_type: 'ed25519' });
      await ask('roles/deploy', {
        key_type: 'ca',
        allow_user_certificates: true,
        allowed_users: 'deploy',
        default_user: 'deploy',
        default_extensions: { 'permit-pty': '' },
        ttl: '10m',
        max_ttl: '15m',
      });
    });
    after(async () => {
      await space.close();
      rmSync(home, { recursive: true });
    });

    const ask = (path: string, body: object) => space.asRoot('POST', `${mount}/${path}`, body);
    const sign = async (body: object = {}, at = mount) => {
      const answer = await space.asRoot('POST', `${at}/sign/deploy`, {
        public_key: keys['ed25519'],
        ...body,
      });
      assert.equal(answer.status, 200, answer.errors);
      const signed = answer.body.data?.['signed_key'];
      assert.ok(typeof signed === 'string');
      return { signed, serial: answer.body.data?.['serial_number'], lease: answer.body.lease_id };
    };
    /** What `ssh-keygen` reads out of a certificate. */
    const readOut = (signed: string) => {
      const file = join(home, 'certificate.pub');
      writeFileSync(file, signed);
      return execFileSync('ssh-keygen', ['-L', '-f', file], {
        encoding: 'utf8',
        env: { ...process.env, TZ: 'UTC' },
      });
    };
    const authority = async (at = mount) => {
      const { text } = await space.call(null, 'GET', `${at}/public_key`);
      const file = join(home, 'authority.pub');
      writeFileSync(file, text);
      const [, fingerprint = 'none'] =
        /(SHA256:\S+)/.exec(execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' })) ??
        [];
      return fingerprint;
    };

    test('ssh-keygen reads the certificate: user, principal, extensions, the authority that signed', async () => {
      const { signed, serial } = await sign({ valid_principals: 'deploy' });
      const text = readOut(signed);
      assert.match(text, /ssh-ed25519-cert-v01@openssh\.com user certificate/);
      assert.match(text, /Principals:\s+deploy\n/);
      assert.match(text, /Critical Options: \(none\)/);
      assert.match(text, /Extensions:\s+permit-pty\n/);
      assert.ok(text.includes(`Signing CA: ED25519 ${await authority()} (using ssh-ed25519)`));
      assert.ok(text.includes(`Serial: ${BigInt(`0x${String(serial)}`)}`));
    });

    for (const type of ['rsa', 'ecdsa']) {
      test(`a key of type ${type} is certified as well`, async () => {
        const { signed } = await sign({ public_key: keys[type], valid_principals: 'deploy' });
        assert.match(readOut(signed), /user certificate/);
      });
    }

    test('an RSA authority signs with SHA-2', async () => {
      const other = (await space.mount('ssh')) ?? '';
      await space.asRoot('POST', `${other}/config/ca`, {
        generate_signing_key: true,
        key_type: 'ssh-rsa',
        key_bits: 2048,
      });
      await space.asRoot('POST', `${other}/roles/deploy`, {
        key_type: 'ca',
        allow_user_certificates: true,
        allowed_users: 'deploy',
      });
      const { signed } = await sign({ valid_principals: 'deploy' }, other);
      const text = readOut(signed);
      assert.ok(text.includes(`Signing CA: RSA ${await authority(other)} (using rsa-sha2-256)`));
    });

    test('it lives as long as the role says, has no lease and cannot be revoked', async () => {
      const { signed, lease } = await sign();
      assert.equal(lease, '');
      const [, from = '', to = ''] = /Valid: from (\S+) to (\S+)/.exec(readOut(signed)) ?? [];
      const left = (Date.parse(`${to}Z`) - Date.now()) / 1000;
      assert.ok(left > 590 && left <= 601, `${left} s left`);
      assert.ok(Date.parse(`${from}Z`) < Date.now());
    });

    const refused: [string, object, RegExp][] = [
      ['root', { valid_principals: 'root' }, /^root is not a valid value for valid_principals$/],
      ['root beside an allowed one', { valid_principals: 'deploy,root' }, /root is not a valid/],
      ['a host certificate', { cert_type: 'host' }, /cert_type 'host' is not allowed by role/],
      ['a longer life than the role’s', { ttl: '2h' }, /ttl is larger than maximum allowed 900/],
      ['a key id of its own', { key_id: 'me' }, /setting key_id is not allowed by role/],
      ['no key', { public_key: '' }, /missing public_key/],
      ['something that is no key', { public_key: 'nonsense' }, /failed to parse public_key/],
      [
        'an extension that the role does not list',
        { extensions: { 'permit-port-forwarding': '' } },
        /extensions \[permit-port-forwarding\] are not on allowed list/,
      ],
    ];
    for (const [what, body, reason] of refused) {
      test(`a request for ${what} is refused`, async () => {
        const answer = await ask('sign/deploy', {
          public_key: keys['ed25519'],
          valid_principals: 'deploy',
          ...body,
        });
        assert.equal(answer.status, 400);
        assert.match(answer.errors, reason);
      });
    }

    test('no certificate is made that would be good for every user', async () => {
      await ask('roles/open', {
        key_type: 'ca',
        allow_user_certificates: true,
        allowed_users: 'x',
      });
      const answer = await ask('sign/open', { public_key: keys['ed25519'] });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /no principals specified/);
    });

    test('an unknown role is refused', async () => {
      const answer = await ask('sign/none', { public_key: keys['ed25519'] });
      assert.equal(answer.status, 400);
      assert.match(answer.errors, /Unknown role: none/);
    });
  });
}
