/**
 * One delivery's token reads a credential of every kind that the server has, each works where it is used, and revocation ends
 * what it can end: on the stand-in and, where there is one, on a real server. AWS is on the stand-in alone.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readPathOf, type CredentialRead } from '@airlock/common/policy/target-credentials';
import pg from 'pg';
import { z } from 'zod';
import type { Credential, CredentialSecret } from '../../app/vault-ports.ts';
import { openVaultWorld, vaultNames, type VaultWorld } from './vault-world.fixture.ts';

for (const name of vaultNames) {
  describe(`five kinds of credential at Vault (${name})`, () => {
    const isDouble = name === 'double';
    const directory = mkdtempSync(join(tmpdir(), 'airlock-kinds-'));
    let world: VaultWorld;
    let reads: CredentialRead[] = [];

    before(async () => {
      world = await openVaultWorld(name, (run) => {
        reads = [
          { as: 'db', kind: 'database', mount: `db-${run}`, role: 'deploy' },
          {
            ...{ as: 'host-key', kind: 'ssh', mount: `ssh-${run}`, role: 'deploy', life: 60 },
            principals: ['deploy', 'web'],
          },
          {
            ...{ as: 'client', kind: 'pki', mount: `pki-${run}`, role: 'deploy' },
            commonName: 'deploy.example',
          },
          { as: 'api', kind: 'kv', mount: `kv-${run}`, path: 'prod/api', field: 'token' },
          { as: 'cloud', kind: 'aws', mount: `aws-${run}`, role: 'deploy', life: 900 },
        ];
        return reads;
      });
      // What the set-up leaves to people: a PKI mount's authority, KV's content, AWS's account.
      const prepared = async (path: string, body: object): Promise<void> => {
        const answer = await world.asRoot('POST', path, body);
        assert.ok(answer.status < 300, `${path}: ${JSON.stringify(answer.body)}`);
      };
      const [pki, kv, aws] = [mountOf('client'), mountOf('api'), mountOf('cloud')];
      await prepared(`sys/mounts/${kv}`, { type: 'kv', options: { version: '2' } });
      await prepared(`${kv}/data/prod/api`, { data: { token: 'the-token-of-the-api' } });
      await prepared(`${pki}/root/generate/internal`, {
        ...{ common_name: 'Test CA', key_type: 'ec', key_bits: 256, ttl: '24h' },
      });
      if (!isDouble) return;
      await prepared(`sys/mounts/${aws}`, { type: 'aws' });
      await prepared(`${aws}/config/root`, { access_key: 'AKIA', secret_key: 'x' });
      await prepared(`${aws}/roles/deploy`, {
        credential_type: 'assumed_role',
        role_arns: ['arn:aws:iam::123456789012:role/deploy'],
        default_sts_ttl: '15m',
      });
    });
    after(async () => {
      await world.close();
      rmSync(directory, { recursive: true, force: true });
    });

    const readOf = (as: string): CredentialRead => {
      const read = reads.find((each) => each.as === as);
      assert.ok(read !== undefined, as);
      return read;
    };
    const mountOf = (as: string): string => readOf(as).mount;
    const present = (): CredentialRead[] => reads.filter(({ kind }) => isDouble || kind !== 'aws');
    const revocation = (accessor: string | null, leaseIds: string[] = []) => ({
      ...{ accessor, leaseIds, jwtMount: world.target.jwtMount },
      leasePrefixes: [readPathOf(readOf('db')), ...(isDouble ? [readPathOf(readOf('cloud'))] : [])],
    });

    test('one token reads all of them, each works, and what is revocable ends with the token', async () => {
      const token = await world.login();
      const credentials = new Map<string, Credential>();
      for (const read of present()) credentials.set(read.as, await token.read(read, {}));
      assert.deepEqual(
        [...credentials.values()].map(({ as, fault }) => ({ as, fault })),
        present().map(({ as }) => ({ as, fault: undefined })),
      );
      const secret = <Kind extends CredentialSecret['kind']>(as: string, kind: Kind) => {
        const found = credentials.get(as)?.secret;
        assert.equal(found?.kind, kind);
        // Just compared.
        return found as Extract<CredentialSecret, { kind: Kind }>;
      };

      const database = secret('db', 'database');
      const login = { user: database.username, password: database.password.reveal() };
      const client = new pg.Client({ ...world.connection, ...login });
      client.on('error', () => {});
      await client.connect();
      await client.end();

      const { certificate, privateKey } = secret('host-key', 'ssh');
      assert.match(printed(certificate), /Type: ecdsa-sha2-nistp256-cert-v01@openssh\.com user/);
      assert.match(printed(certificate), /Principals: \n\s+deploy\n\s+web\n/);
      assert.match(sshKey(privateKey.reveal()), /^ecdsa-sha2-nistp256 AAAA/);
      const life = credentials.get('host-key')?.seconds ?? 0;
      assert.ok(life > 50 && life <= 61, `the life of the read and not of the token: ${life}`);

      assert.equal(await clientSeen(secret('client', 'pki')), 'deploy.example');

      assert.equal(secret('api', 'kv').value.reveal(), 'the-token-of-the-api');
      assert.match(credentials.get('api')?.holder ?? '', /^kv v1 of \d{4}-\d\d-\d\d$/);
      if (isDouble) assert.equal(credentials.get('cloud')?.seconds, 900);

      const leaseIds = [...credentials.values()].flatMap(({ leaseId }) => leaseId ?? []);
      assert.equal(leaseIds.length, isDouble ? 2 : 1);
      const result = await world.reaper.revokeSession(revocation(token.accessor, leaseIds));
      assert.deepEqual(result, { clean: true, remaining: { tokens: 0, leases: 0 } });
      assert.equal(await world.rolesLeft(), 0);
      // Revocation does not reach a certificate: it lets in until its own end.
      assert.equal(await clientSeen(secret('client', 'pki')), 'deploy.example');
    });

    test('without an id of any of them the sweep finds all that is revocable', async () => {
      const token = await world.login();
      for (const read of present()) await token.read(read, {});
      assert.equal(await world.rolesLeft(), 1);
      const result = await world.reaper.revokeSession(revocation(null));
      assert.deepEqual(result, { clean: true, remaining: { tokens: 0, leases: 0 } });
      assert.equal(await world.rolesLeft(), 0);
      await assert.rejects(token.read(readOf('api'), {}), { code: 'vault-refused' });
    });

    test('what Vault’s role does not allow is refused with Vault’s own reason', async () => {
      const token = await world.login();
      const [ssh, pki] = [readOf('host-key'), readOf('client')];
      assert.ok(ssh.kind === 'ssh' && pki.kind === 'pki');
      await assert.rejects(token.read({ ...ssh, principals: ['root'] }, {}), {
        code: 'vault-refused',
        message: /root is not a valid value for valid_principals/,
      });
      await assert.rejects(token.read({ ...pki, commonName: 'other.example' }, {}), {
        code: 'vault-refused',
        message: /other\.example/,
      });
      await assert.rejects(token.read({ ...readOf('api'), field: 'other' } as CredentialRead, {}), {
        code: 'vault-refused',
        message: /has no text in its field other/,
      });
      for (const read of present()) {
        const elsewhere = read.kind === 'kv' ? { path: 'prod/other' } : { role: 'other' };
        // A row of the same kind with another place.
        const other = { ...read, ...elsewhere } as CredentialRead;
        await assert.rejects(token.read(other, {}), { code: 'vault-refused' }, read.kind);
      }
      await token.revokeSelf();
    });

    test('a secret that was deleted is named, with what to do', async () => {
      const path = readPathOf(readOf('api'));
      assert.equal((await world.asRoot('DELETE', path)).status, 204);
      const token = await world.login();
      await assert.rejects(token.read(readOf('api'), {}), {
        code: 'vault-refused',
        message: /kv\S+\/data\/prod\/api holds no secret: .*; write it at Vault/,
      });
      const written = await world.asRoot('POST', path, { data: { token: 'written anew' } });
      assert.equal(written.status, 200);
      assert.match((await token.read(readOf('api'), {})).holder, /^kv v2 of /);
      await token.revokeSelf();
    });

    test('a client certificate with a lease is revoked with the session all the same', async () => {
      const role = `${mountOf('client')}/roles/deploy`;
      const settings = z
        .object({ data: z.record(z.string(), z.unknown()) })
        .parse((await world.asRoot('GET', role)).body).data;
      const changed = await world.asRoot('POST', role, { ...settings, generate_lease: true });
      assert.ok(changed.status < 300);
      const token = await world.login();
      const { leaseId } = await token.read(readOf('client'), {});
      assert.match(leaseId ?? '', /\/issue\/deploy\//);
      const result = await world.reaper.revokeSession(
        revocation(token.accessor, leaseId === null ? [] : [leaseId]),
      );
      assert.equal(result.clean, true);
      const left = await world.asRoot('GET', `sys/leases/lookup/${mountOf('client')}/?list=true`);
      assert.equal(left.status, 404);
      await world.asRoot('POST', role, settings);
    });

    /** As `ssh-keygen -L` reads it. */
    function printed(certificate: string): string {
      const file = join(directory, 'certificate.pub');
      writeFileSync(file, `${certificate}\n`);
      return execFileSync('ssh-keygen', ['-L', '-f', file], { encoding: 'utf8' });
    }

    function sshKey(pem: string): string {
      const file = join(directory, 'key');
      writeFileSync(file, pem, { mode: 0o600 });
      return execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
    }

    /** Common name that a TLS server sees which lets in only what the mount's authority signed. */
    async function clientSeen(given: Extract<CredentialSecret, { kind: 'pki' }>): Promise<string> {
      const [key, cert] = selfSigned();
      const ca = [...given.chain];
      const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const client = connect({
        ...{ port, host: '127.0.0.1', ca: cert, servername: 'localhost' },
        ...{ cert: given.certificate, key: given.privateKey.reveal() },
      });
      client.on('error', () => {});
      const socket = await new Promise<TLSSocket>((resolve, reject) => {
        server.once('secureConnection', resolve);
        server.once('tlsClientError', reject);
      });
      const { subject } = socket.getPeerCertificate();
      client.destroy();
      socket.destroy();
      server.close();
      return String(subject.CN);
    }

    function selfSigned(): [key: string, certificate: string] {
      const [key, certificate] = [join(directory, 'server.key'), join(directory, 'server.crt')];
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      execFileSync('openssl', [
        ...[
          'req',
          '-x509',
          '-key',
          key,
          '-out',
          certificate,
          '-days',
          '1',
          '-subj',
          '/CN=localhost',
        ],
        ...['-addext', 'subjectAltName=DNS:localhost'],
      ]);
      const pem = execFileSync('openssl', ['x509', '-in', certificate], { encoding: 'utf8' });
      assert.equal(new X509Certificate(pem).subject, 'CN=localhost');
      return [privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), pem];
    }
  });
}
