import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  parseSecurityKey,
  signingKeyOf,
  verifySecurityKey,
} from '@airlock/common/approval/security-key';
import {
  createSoftwareSecurityKey,
  restoreSoftwareSecurityKey,
  type SecurityKeySignature,
  type SoftwareSecurityKey,
} from './software-security-key.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-security-key-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const namespace = 'airlock-approval@v1';
const message = Buffer.from('{"a":"statement"}');

/** What OpenSSH's own verifier says. */
function opensshAccepts(key: SoftwareSecurityKey, armoured: string, text = message): boolean {
  const [allowed, signature] = [join(directory, 'allowed'), join(directory, 'signature')];
  writeFileSync(allowed, `leo ${key.publicKey}\n`);
  writeFileSync(signature, armoured);
  const { status } = spawnSync(
    'ssh-keygen',
    ['-Y', 'verify', '-f', allowed, '-I', 'leo', '-n', namespace, '-s', signature],
    { input: text },
  );
  return status === 0;
}

function verified(
  key: SoftwareSecurityKey,
  armoured: string,
  options: { signCount?: number; message?: Buffer } = {},
): { signCount: number } {
  const { fingerprint, publicKeyPem } = parseSecurityKey(key.publicKey);
  const { signCount = 0 } = options;
  const expected = { fingerprint, publicKeyPem, namespace, signCount };
  return verifySecurityKey(armoured, options.message ?? message, expected);
}

for (const kind of ['ed25519', 'ecdsa'] as const) {
  describe(`a security key of ${kind}`, () => {
    const key = createSoftwareSecurityKey(kind);
    const made = (changes: Partial<SecurityKeySignature> = {}): string =>
      key.sign({ namespace, message, ...changes });

    test('is known to ssh-keygen by the same fingerprint', () => {
      writeFileSync(join(directory, 'key.pub'), `${key.publicKey}\n`);
      const shown = execFileSync('ssh-keygen', ['-l', '-f', join(directory, 'key.pub')]).toString();
      const { fingerprint } = parseSecurityKey(key.publicKey);
      assert.ok(shown.includes(` ${fingerprint} `), shown);
      assert.equal(signingKeyOf(made()), fingerprint);
    });

    test('signs what ssh-keygen -Y verify and our verifier both accept, fifty times', () => {
      // Numbers of ECDSA are shorter now and then.
      for (let round = 0; round < 50; round += 1) {
        const counter = 100 + round;
        const armoured = made({ counter });
        assert.deepEqual(verified(key, armoured, { signCount: counter - 1 }), {
          signCount: counter,
        });
        if (round < 5) assert.ok(opensshAccepts(key, armoured));
      }
    });

    test('both refuse other bytes than were signed', () => {
      const armoured = made();
      const other = Buffer.from('{"another":"statement"}');
      assert.equal(opensshAccepts(key, armoured, other), false);
      assert.throws(() => verified(key, armoured, { message: other }), { code: 'E_WEBAUTHN_SIG' });
    });

    test('a signature without touch, without PIN or finger, or of a key that may be copied is refused', () => {
      assert.throws(() => verified(key, made({ flags: 0x04 })), { code: 'E_WEBAUTHN_UP' });
      assert.throws(() => verified(key, made({ flags: 0x01 })), { code: 'E_WEBAUTHN_UV' });
      assert.throws(() => verified(key, made({ flags: 0x0d })), { code: 'E_WEBAUTHN_FLAGS' });
    });

    test('flags and counter are signed: neither can be changed afterwards', () => {
      const armoured = made({ flags: 0x01 });
      const lines = armoured.trim().split('\n');
      const bytes = Buffer.from(lines.slice(1, -1).join(''), 'base64');
      bytes.writeUInt8(0x05, bytes.length - 5);
      const forged = [lines[0], bytes.toString('base64'), lines.at(-1), ''].join('\n');
      assert.throws(() => verified(key, forged), { code: 'E_WEBAUTHN_SIG' });
    });

    test('a counter that does not grow is refused', () => {
      const armoured = made({ counter: 7 });
      assert.deepEqual(verified(key, armoured, { signCount: 6 }), { signCount: 7 });
      assert.throws(() => verified(key, armoured, { signCount: 7 }), {
        code: 'E_WEBAUTHN_COUNTER',
      });
    });

    test('a signature for another purpose, by another key or of another application is refused', () => {
      assert.throws(() => verified(key, made({ namespace: 'git' })), { code: 'E_SSH_SIGNATURE' });
      const other = createSoftwareSecurityKey(kind);
      assert.throws(() => verified(key, other.sign({ namespace, message })), {
        code: 'E_WEBAUTHN_KEY',
      });
      assert.throws(() => verified(key, made({ application: 'ssh:other' })), {
        code: 'E_WEBAUTHN_KEY',
      });
    });

    test('is the same key after it was stored, with its counter', () => {
      const again = restoreSoftwareSecurityKey(key.serialize());
      assert.equal(again.publicKey, key.publicKey);
      const before = verified(key, made()).signCount;
      assert.equal(
        verified(key, restoreSoftwareSecurityKey(key.serialize()).sign({ namespace, message }))
          .signCount,
        before + 1,
      );
    });
  });
}

test('a key in a file is refused, with the way to make one in hardware', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const blob = Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1'), point]);
  assert.throws(() => parseSecurityKey(`ssh-ed25519 ${blob.toString('base64')} leo@laptop`), {
    code: 'ssh-key-refused',
    message: /whoever reads a key file could approve.*ssh-keygen -t ed25519-sk -O verify-required/,
  });
  assert.throws(
    () => parseSecurityKey(`sk-ssh-ed25519@openssh.com ${blob.toString('base64')} disguised`),
    { code: 'ssh-key-refused' },
  );
});

test('what is no armoured signature is refused as such', () => {
  const key = createSoftwareSecurityKey();
  const armoured = key.sign({ namespace, message });
  for (const bad of [
    '',
    'x',
    armoured.replace('SSH SIGNATURE', 'PGP SIGNATURE'),
    armoured + armoured,
  ]) {
    assert.throws(() => verified(key, bad), { code: 'E_SSH_SIGNATURE' });
  }
});
