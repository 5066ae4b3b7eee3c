import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import { connect } from 'node:tls';
import type { Log } from '@airlock/process/log';
import { listenForPeople, type Listening } from './listen.ts';
import { SecurityContact } from './listen-settings.ts';
import { securityText } from './security-text.ts';

let directory: string;
let listening: Listening;
const ports = { https: 0, http: 0 };
const logged: string[] = [];
const log = new Proxy({} as Log, { get: () => (event: string) => logged.push(event) });
const files = (): { certificateFile: string; keyFile: string; clientCaFile: null } => ({
  clientCaFile: null,
  certificateFile: join(directory, 'site.pem'),
  keyFile: join(directory, 'site.key'),
});

function makeCertificate(name: string): void {
  const { certificateFile, keyFile } = files();
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:gate.example'],
      ...['-keyout', keyFile, '-out', certificateFile],
    ],
    { stdio: 'ignore' },
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-listen-'));
  makeCertificate('first');
  ports.https = await freePort();
  ports.http = await freePort();
  mock.timers.enable({ apis: ['setInterval'] });
  listening = await listenForPeople(
    { host: '127.0.0.1', port: ports.https, tls: { ...files(), redirectPort: ports.http } },
    { origin: new URL('https://gate.example'), log },
    (_request, response) => response.end('page'),
  );
});
after(async () => {
  await listening.close();
  mock.timers.reset();
  rmSync(directory, { recursive: true });
});

type Asked = Omit<RequestOptions, 'headers'> & { headers?: Readonly<Record<string, string>> };
type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

function ask(scheme: 'http' | 'https', path: string, options: Asked = {}): Promise<Answer> {
  const send = scheme === 'http' ? httpRequest : httpsRequest;
  const headers = { host: 'gate.example', ...options.headers };
  return new Promise((done, fail) => {
    const request = send(
      {
        ...{ host: '127.0.0.1', port: ports[scheme], path, agent: false },
        ...(scheme === 'https'
          ? { ca: readFileSync(files().certificateFile), servername: 'gate.example' }
          : {}),
        ...options,
        headers,
      },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          done({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      },
    );
    request.on('error', fail);
    request.end();
  });
}

const commonName = (): Promise<string | undefined> =>
  new Promise((done, fail) => {
    const socket = connect(
      {
        host: '127.0.0.1',
        port: ports.https,
        servername: 'gate.example',
        rejectUnauthorized: false,
      },
      () => {
        const [name] = [socket.getPeerCertificate().subject.CN].flat();
        done(name);
        socket.end();
      },
    );
    socket.on('error', fail);
  });

test('pages come by HTTPS with the certificate of the site', async () => {
  const { status, body } = await ask('https', '/');
  assert.deepEqual([status, body], [200, 'page']);
});

test('TLS 1.1 finds nobody', async () => {
  await assert.rejects(ask('https', '/', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as Asked));
});

test('who reads a page by plain HTTP is led to the same page by HTTPS', async () => {
  const { status, headers, body } = await ask('http', '/queue?page=2');
  assert.deepEqual(
    [status, headers.location, body],
    [308, 'https://gate.example/queue?page=2', ''],
  );
});

const inTheClear: [name: string, path: string, options: Asked][] = [
  ['a token', '/queue', { headers: { authorization: 'Bearer x' } }],
  ['a call of the API', '/api/v1/queue', {}],
  ['what changes something', '/queue', { method: 'POST' }],
  ['another method', '/', { method: 'OPTIONS' }],
];
test('a token, a call of the API and a change by plain HTTP are refused and led nowhere', async () => {
  for (const [name, path, options] of inTheClear) {
    const { status, headers, body } = await ask('http', path, options);
    assert.deepEqual([status, headers.location], [403, undefined], name);
    assert.match(body, /unencrypted.*https:\/\/gate\.example.*replace any token/);
  }
});

test('nobody is led to another host, whatever the request names', async () => {
  assert.equal((await ask('http', '/', { headers: { host: 'evil.example' } })).status, 421);
  const { headers } = await ask('http', '//evil.example/x');
  assert.equal(headers.location, 'https://gate.example//evil.example/x');
});

test('a renewed certificate is shown without a start, and one that cannot be used leaves the old', async () => {
  assert.equal(await commonName(), 'first');
  makeCertificate('second');
  utimesSync(files().certificateFile, new Date(), new Date(Date.now() + 5000));
  mock.timers.tick(30_000);
  assert.equal(await commonName(), 'second');
  writeFileSync(files().certificateFile, 'no certificate');
  utimesSync(files().certificateFile, new Date(), new Date(Date.now() + 9000));
  mock.timers.tick(30_000);
  assert.equal(await commonName(), 'second');
  assert.deepEqual(logged, ['tls.certificate-changed', 'tls.certificate-unusable']);
  const { keyFile } = files();
  makeCertificate('third');
  const key = readFileSync(keyFile);
  writeFileSync(keyFile, 'not yet');
  mock.timers.tick(60_000);
  assert.equal(await commonName(), 'second');
  writeFileSync(keyFile, key);
  mock.timers.tick(30_000);
  assert.equal(await commonName(), 'third');
});

test('a certificate that cannot be read and an origin of plain HTTP are refused by setting', async () => {
  const none = () => {};
  const at = { host: '127.0.0.1', port: 1 };
  const missing = { ...files(), keyFile: join(directory, 'nowhere.key'), redirectPort: null };
  await assert.rejects(
    listenForPeople(
      { ...at, tls: missing },
      { origin: new URL('https://gate.example'), log },
      none,
    ),
    /listen\.tls\.keyFile: .*nowhere\.key cannot be read/,
  );
  const nonsense = { ...files(), certificateFile: files().keyFile, redirectPort: null };
  await assert.rejects(
    listenForPeople(
      { ...at, tls: nonsense },
      { origin: new URL('https://gate.example'), log },
      none,
    ),
    /listen\.tls: .* are no certificate and its key/,
  );
  const plain = { ...files(), redirectPort: null };
  await assert.rejects(
    listenForPeople({ ...at, tls: plain }, { origin: new URL('http://gate.example'), log }, none),
    /listen\.tls: the origin http:\/\/gate\.example is not https/,
  );
});

test('security.txt names whom to tell, where it stands, and until when it holds', () => {
  const contact = SecurityContact.parse({
    contacts: ['mailto:security@company.example', 'https://company.example/report'],
    policy: 'https://company.example/policy',
  });
  assert.equal(
    securityText(contact, 'https://gate.example', new Date('2026-11-22T18:00:00Z')),
    `Contact: mailto:security@company.example
Contact: https://company.example/report
Expires: 2027-05-21T00:00:00Z
Preferred-Languages: en
Canonical: https://gate.example/.well-known/security.txt
Policy: https://company.example/policy
`,
  );
  assert.equal(securityText(null, 'https://gate.example', new Date()), null);
  assert.equal(
    SecurityContact.safeParse({ contacts: ['security@company.example'] }).success,
    false,
  );
});
