import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import type { Server } from 'node:https';
import { mutualTlsAgent, peerIdentity } from '@airlock/process/mtls';
import { createCertificateAuthority, issueCertificate, type CertificateAndKey } from './pki.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-pki-'));
const api = 'airlock:nonprod:runner-api';
let ca: CertificateAndKey;
let otherCa: CertificateAndKey;
let server: Server;
let url: string;

function save(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

async function issue(options: Partial<Parameters<typeof issueCertificate>[0]> = {}) {
  return issueCertificate({
    ca,
    uriSan: 'airlock:runner:r1',
    dnsNames: [],
    ipAddresses: [],
    usage: 'client',
    days: 30,
    ...options,
  });
}

before(async () => {
  ca = await createCertificateAuthority('runner-edge');
  otherCa = await createCertificateAuthority('runner-edge');
  const own = await issue({ uriSan: api, usage: 'server', ipAddresses: ['127.0.0.1'] });
  server = createServer(
    {
      ca: ca.certificatePem,
      cert: own.certificatePem,
      key: own.keyPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    },
    (request, response) => {
      assert.ok(request.socket instanceof TLSSocket);
      response.end(peerIdentity(request.socket) ?? 'nobody');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  url = `https://127.0.0.1:${address.port}/`;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

async function ask(client: CertificateAndKey, serverIdentity = api): Promise<string> {
  const agent = mutualTlsAgent({
    caFile: save('ca.pem', ca.certificatePem),
    certificateFile: save('client.pem', client.certificatePem),
    keyFile: save('client.key', client.keyPem),
    serverIdentity,
  });
  try {
    return await new Promise((resolve, reject) => {
      get(url, { agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          resolve(text);
        });
      }).on('error', reject);
    });
  } finally {
    agent.destroy();
  }
}

test('a client is known by the one URI in its certificate', async () => {
  assert.equal(await ask(await issue()), 'airlock:runner:r1');
});

test('a client of another authority of the same name gets no answer', async () => {
  await assert.rejects(ask(await issue({ ca: otherCa })));
});

test('an expired certificate gets no answer', async () => {
  await assert.rejects(ask(await issue({ days: -1 })));
});

test("a server's certificate does not make a client", async () => {
  await assert.rejects(ask(await issue({ usage: 'server' })));
});

test('a URI with a comma that reads like two names is nobody', async () => {
  assert.equal(await ask(await issue({ uriSan: 'x:y, URI:airlock:runner:r1' })), 'nobody');
});

test('a server with another URI is not talked to, and the error says which one was found', async () => {
  await assert.rejects(ask(await issue(), 'airlock:nonprod:outbox'), {
    code: 'peer-identity-unexpected',
    message: /airlock:nonprod:runner-api, expected airlock:nonprod:outbox/,
  });
});

test('a missing certificate file is named', () => {
  const file = join(directory, 'absent.pem');
  assert.throws(
    () =>
      mutualTlsAgent({ caFile: file, certificateFile: file, keyFile: file, serverIdentity: api }),
    { code: 'configuration-tls-file', message: /absent\.pem/ },
  );
});

test('an authority may sign certificates only, and what it signs may not sign', async () => {
  const authority = new X509Certificate(ca.certificatePem);
  const leaf = new X509Certificate((await issue()).certificatePem);
  assert.ok(authority.ca);
  assert.ok(!leaf.ca);
  assert.ok(leaf.checkIssued(authority));
  assert.ok(leaf.verify(authority.publicKey));
});
