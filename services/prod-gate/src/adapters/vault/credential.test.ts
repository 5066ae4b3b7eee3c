/** What each engine's answer becomes, and which answers no hook gets. Certificates are made by ssh-keygen and openssl. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import type { Credential } from '../../app/vault-ports.ts';
import type { VaultClient } from './client.ts';
import { readCredential } from './credential.ts';
import { VaultHttpError } from './errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-credential-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

const now = new Date('2026-11-22T10:00:00Z');

type Asked = { path: string; body: Record<string, unknown> | null };

/** Vault that gives one answer, and what it was asked. */
function vaultThatAnswers(answer: (asked: Asked) => unknown): {
  client: VaultClient;
  asked: Asked[];
} {
  const asked: Asked[] = [];
  const take = (path: string, body: Asked['body']): Promise<unknown> => {
    asked.push({ path, body });
    return Promise.resolve().then(() => answer({ path, body }));
  };
  return {
    asked,
    client: {
      read: (path) => take(path, null),
      write: (path, body) => take(path, body),
      list: () => Promise.resolve([]),
    },
  };
}

const reading = (
  read: CredentialRead,
  answer: (asked: Asked) => unknown,
  at: Date = now,
): Promise<Credential> =>
  readCredential(vaultThatAnswers(answer).client, read, { tokenSeconds: 180, now: () => at });

const malformed = { code: 'vault-answer-malformed' };

describe('a credential of AWS', () => {
  const read: CredentialRead = {
    as: 'cloud',
    kind: 'aws',
    mount: 'aws',
    role: 'deploy',
    life: 900,
  };
  const answer = (data: object) => () => ({
    lease_id: 'aws/creds/deploy/1',
    lease_duration: 900,
    data,
  });
  const keys = { access_key: 'ASIAEXAMPLE', secret_key: 'the-secret-key' };

  test('is a session that ends by itself, known by its access key id', async () => {
    const credential = await reading(read, answer({ ...keys, security_token: 'the-token' }));
    const { secret, ...shown } = credential;
    assert.deepEqual(shown, {
      as: 'cloud',
      ending: 'ttl-only',
      leaseId: 'aws/creds/deploy/1',
      holder: 'ASIAEXAMPLE',
      seconds: 900,
    });
    assert.ok(secret.kind === 'aws');
    assert.equal(secret.secretAccessKey.reveal(), 'the-secret-key');
    assert.equal(secret.sessionToken.reveal(), 'the-token');
    assert.ok(!JSON.stringify(credential).includes('the-secret-key'));
  });

  test('that is an IAM user is no credential for a hook, and names the setting', async () => {
    for (const security_token of [null, '', undefined]) {
      const { fault } = await reading(read, answer({ ...keys, security_token }));
      assert.match(fault ?? '', /aws\/creds\/deploy makes IAM users.*credential_type/);
    }
  });
});

describe('a secret of KV', () => {
  const read: CredentialRead = {
    ...{ as: 'api', kind: 'kv', mount: 'kv', path: 'prod/api', field: 'token' },
  };
  const metadata = { version: 3, created_time: '2026-08-01T09:00:00.5Z', deletion_time: '' };
  const answer =
    (data: unknown, more: object = {}) =>
    () => ({
      lease_id: '',
      lease_duration: 0,
      data: { data, metadata: { ...metadata, ...more } },
    });

  test('does not end by itself and is known by its version and the day when it was written', async () => {
    const { secret, ...shown } = await reading(read, answer({ token: 'abcdef' }));
    assert.deepEqual(shown, {
      as: 'api',
      ending: 'by-hand',
      leaseId: null,
      holder: 'kv v3 of 2026-08-01',
      seconds: null,
    });
    assert.ok(secret.kind === 'kv');
    assert.equal(secret.value.reveal(), 'abcdef');
  });

  test('that is not there says where and how to mend it', async () => {
    const refused = (message: RegExp) => ({ code: 'vault-refused', message });
    const none = (): never => {
      throw new VaultHttpError({
        ...{ status: 404, reasons: [], request: 'GET kv/data/prod/api', retryAfterSeconds: null },
      });
    };
    await assert.rejects(reading(read, none), refused(/kv\/data\/prod\/api holds no secret/));
    await assert.rejects(reading(read, answer(null)), refused(/was deleted/));
    await assert.rejects(reading(read, answer({}, { destroyed: true })), refused(/was deleted/));
    for (const data of [{}, { token: '' }, { token: 7 }, { Token: 'abcdef' }]) {
      await assert.rejects(reading(read, answer(data)), refused(/no text in its field token/));
    }
  });

  test('named like a property that every object has is not there', async () => {
    const inherited: CredentialRead = { ...read, field: 'constructor' };
    await assert.rejects(reading(inherited, answer({})), { code: 'vault-refused' });
  });

  test('too short to be hidden in a log is no credential for a hook', async () => {
    const { fault } = await reading(read, answer({ token: 'abc' }));
    assert.match(fault ?? '', /fewer than 4 characters/);
  });
});

describe('a certificate of SSH', () => {
  const read: CredentialRead = {
    ...{ as: 'host-key', kind: 'ssh', mount: 'ssh', role: 'deploy', principals: ['deploy', 'web'] },
  };
  const authority = join(directory, 'authority');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', authority]);

  /** What Vault's engine does, by ssh-keygen. */
  const sign =
    (...options: string[]) =>
    ({ body }: Asked) => {
      const file = join(directory, 'asked');
      writeFileSync(`${file}.pub`, `${String(body?.['public_key'])}\n`);
      execFileSync('ssh-keygen', ['-q', '-s', authority, ...options, `${file}.pub`]);
      return { data: { signed_key: readFileSync(`${file}-cert.pub`, 'utf8') } };
    };
  const principals = ['-n', 'deploy,web'];
  const threeMinutes = ['-V', '-30s:+3m'];

  test('signs a key that was made here, for the principals that were asked for, and ends', async () => {
    const vault = vaultThatAnswers(sign('-I', 'vault-deploy', ...principals, ...threeMinutes));
    const credential = await readCredential(vault.client, read, {
      tokenSeconds: 180,
      now: () => new Date(),
    });
    assert.equal(credential.fault, undefined);
    assert.deepEqual([credential.ending, credential.leaseId], ['ttl-only', null]);
    assert.equal(credential.holder, 'vault-deploy');
    const seconds = credential.seconds ?? 0;
    assert.ok(seconds > 170 && seconds <= 180, String(seconds));
    const { public_key, ...asked } = vault.asked[0]?.body ?? {};
    assert.deepEqual(asked, { valid_principals: 'deploy,web', ttl: '180s', cert_type: 'user' });
    assert.ok(credential.secret.kind === 'ssh');
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, credential.secret.privateKey.reveal(), { mode: 0o600 });
    const derived = execFileSync('ssh-keygen', ['-y', '-f', keyFile], { encoding: 'utf8' });
    assert.equal(derived.trim(), public_key, 'the private key belongs to what was signed');
  });

  test('for others, for a host or without an end is no credential for a hook', async () => {
    const fault = async (...options: string[]) =>
      (await reading(read, sign('-I', 'x', ...options))).fault ?? '';
    assert.match(await fault('-n', 'root', ...threeMinutes), /lets in as root/);
    assert.match(
      await fault('-n', 'deploy,web,root', ...threeMinutes),
      /lets in as deploy, web, root/,
    );
    assert.match(await fault(...threeMinutes), /lets in as anybody/);
    assert.match(await fault('-h', ...principals, ...threeMinutes), /host certificate/);
    assert.match(await fault(...principals), /never ends/);
  });

  test('of another key, or none at all, is refused', async () => {
    const other = join(directory, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-b', '256', '-N', '', '-f', other]);
    const signOther = () =>
      sign(
        ...['-I', 'x'],
        ...principals,
      )({ path: '', body: { public_key: readFileSync(`${other}.pub`, 'utf8').trim() } });
    await assert.rejects(reading(read, signOther), malformed);
    for (const signed_key of ['ssh-rsa AAAA', 'ecdsa-sha2-nistp256-cert-v01@openssh.com AAAA']) {
      await assert.rejects(
        reading(read, () => ({ data: { signed_key } })),
        malformed,
      );
    }
  });
});

describe('a certificate of PKI', () => {
  const read: CredentialRead = {
    ...{ as: 'client', kind: 'pki', mount: 'pki', role: 'deploy', commonName: 'deploy.example' },
  };
  const issue = (name: string, subject: string, authority: boolean, names?: string) => {
    const [key, certificate] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', key, '-out', certificate, '-days', '1', '-subj', subject],
        ...['-addext', `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}`],
        ...(names === undefined ? [] : ['-addext', `subjectAltName=${names}`]),
      ],
      { stdio: 'ignore' },
    );
    return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
  };
  const good = issue('good', '/O=Example/CN=deploy.example', false);
  const answer =
    ({ key, certificate }: { key: string; certificate: string }) =>
    () => ({
      lease_id: '',
      data: {
        certificate,
        private_key: key,
        issuing_ca: 'the issuing certificate',
        serial_number: '1a:2b',
      },
    });

  test('is known by its serial and ends when it says', async () => {
    const vault = vaultThatAnswers(answer(good));
    const at = new Date();
    const credential = await readCredential(vault.client, read, {
      tokenSeconds: 180,
      now: () => at,
    });
    const { seconds, secret, ...shown } = credential;
    assert.deepEqual(shown, { as: 'client', ending: 'ttl-only', leaseId: null, holder: '1a:2b' });
    assert.ok(seconds !== null && Math.abs(seconds - 86_400) < 30, String(seconds));
    assert.ok(secret.kind === 'pki');
    assert.deepEqual(secret.chain, ['the issuing certificate']);
    assert.deepEqual(vault.asked[0]?.body, { common_name: 'deploy.example', ttl: '180s' });
  });

  test('for another name, with another key, or that is an authority is no credential for a hook', async () => {
    const other = issue('other', '/CN=other.example', false);
    const twice = issue('twice', '/CN=deploy.example/CN=other.example', false);
    const more = issue('more', '/CN=deploy.example', false, 'DNS:deploy.example,DNS:other.example');
    const same = issue('same', '/CN=deploy.example', false, 'DNS:deploy.example');
    const authority = issue('authority', '/CN=deploy.example', true);
    const fault = async (given: typeof good) => (await reading(read, answer(given))).fault ?? '';
    assert.match(await fault(other), /is not for deploy\.example alone/);
    assert.match(await fault(twice), /is not for deploy\.example alone/);
    assert.match(await fault(more), /is not for deploy\.example alone/);
    assert.equal(await fault(same), '');
    assert.match(await fault({ ...good, key: other.key }), /fits not the key/);
    assert.match(await fault(authority), /made a certificate authority/);
  });

  test('that cannot be read is refused without a word of the key', async () => {
    const broken = answer({ key: 'the-key', certificate: 'the-certificate' });
    await assert.rejects(reading(read, broken), (error: Error) => {
      assert.ok(!/the-key|the-certificate/.test(`${error.message}${String(error.cause)}`));
      return true;
    });
  });
});

test('a lease that stands outside of what is swept is no credential for a hook', async () => {
  const read: CredentialRead = { as: 'db', kind: 'database', mount: 'database', role: 'shop' };
  const answer = (lease_id: string) => () => ({
    ...{ lease_id, lease_duration: 60, data: { username: 'v-shop', password: 'p' } },
  });
  const fault = async (lease: string) => (await reading(read, answer(lease))).fault ?? '';
  assert.equal(await fault('database/creds/shop/1'), '');
  for (const lease of ['database/creds/shop-us/1', 'other/database/creds/shop/1', 'x']) {
    assert.match(await fault(lease), /at another path/);
  }
});

test('what Vault leaves out is an answer that is not its own', async () => {
  const reads: CredentialRead[] = [
    { as: 'a', kind: 'database', mount: 'database', role: 'r' },
    { as: 'b', kind: 'aws', mount: 'aws', role: 'r' },
    { as: 'c', kind: 'ssh', mount: 'ssh', role: 'r', principals: ['deploy'] },
    { as: 'd', kind: 'pki', mount: 'pki', role: 'r', commonName: 'x' },
    { as: 'e', kind: 'kv', mount: 'kv', path: 'p', field: 'f' },
  ];
  for (const read of reads) {
    for (const answer of [null, {}, { data: {} }, { lease_id: '', data: null }]) {
      await assert.rejects(
        reading(read, () => answer),
        malformed,
        read.kind,
      );
    }
  }
});
