import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectPlainly, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, mock, test } from 'node:test';
import { connect, type ConnectionOptions } from 'node:tls';
import type { Log } from '@airlock/process/log';
import { listenForPeople, type Listening } from './listen.ts';
import { WebListen } from './listen-settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-wall-'));
const file = (name: string): string => join(directory, name);
const logged: unknown[] = [];
const log = new Proxy({} as Log, {
  get: () => (event: string, fields?: Readonly<Record<string, unknown>>) =>
    logged.push([event, fields?.['client.address']]),
});
const requests: string[] = [];

const openssl = (...args: readonly string[]): unknown =>
  execFileSync('openssl', args, { stdio: 'ignore' });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function makeAuthority(name: string): void {
  const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, ...out);
}

function issue(authority: string, name: string): void {
  const request = ['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`)];
  openssl('req', ...newKey, '-subj', `/CN=${name}`, ...request);
  const ca = ['-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}.key`)];
  const csr = ['-in', file(`${name}.csr`), '-out', file(`${name}.pem`)];
  openssl('x509', '-req', ...csr, ...ca, '-CAcreateserial', '-days', '2');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

let port: number;
let redirectPort: number;
before(async () => {
  for (const authority of ['people', 'others']) makeAuthority(authority);
  makeAuthority('site');
  issue('people', 'mira');
  issue('others', 'eve');
  copyFileSync(file('people.pem'), file('clients.pem'));
  port = await freePort();
  redirectPort = await freePort();
});
beforeEach(() => {
  logged.length = 0;
  requests.length = 0;
});
after(() => {
  rmSync(directory, { recursive: true });
});

const listen = (settings: object, scheme: 'http' | 'https' = 'https'): Promise<Listening> =>
  listenForPeople(
    WebListen.parse({ host: '127.0.0.1', port, ...settings }),
    { origin: new URL(`${scheme}://gate.example`), log },
    (request, response) => {
      requests.push(request.url ?? '');
      response.end('page');
    },
  );
const tls = { certificateFile: file('site.pem'), keyFile: file('site.key') };

/** Whatever comes back before the connection is closed. */
function heard(socket: Socket, say: string): Promise<string> {
  return new Promise((done) => {
    let text = '';
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('data', (part: Buffer) => (text += part.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      done(text);
    });
    socket.write(say);
  });
}

const get = 'GET / HTTP/1.1\r\nhost: gate.example\r\nconnection: close\r\n\r\n';
const byTls = (who: string | null, options: ConnectionOptions = {}): Promise<string> =>
  heard(
    connect({
      ...{ host: '127.0.0.1', port, ca: readFileSync(file('site.pem')), servername: 'site' },
      checkServerIdentity: () => undefined,
      ...(who === null
        ? {}
        : { cert: readFileSync(file(`${who}.pem`)), key: readFileSync(file(`${who}.key`)) }),
      ...options,
    }),
    get,
  );
const plainly = (localAddress: string, to = port, say = get): Promise<string> =>
  heard(connectPlainly({ host: '127.0.0.1', port: to, localAddress }), say);

test('whoever shows no certificate of the named authorities gets no answer, in any version of TLS', async () => {
  const listening = await listen({ tls: { ...tls, clientCaFile: file('clients.pem') } });
  try {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const stranger of [null, 'eve', 'site'])
        assert.equal(await byTls(stranger, { maxVersion }), '', `${stranger} by ${maxVersion}`);
      assert.deepEqual(requests, []);
      assert.match(await byTls('mira', { maxVersion }), /^HTTP\/1\.1 200 [\s\S]*page/);
      requests.length = 0;
    }
    assert.equal(await plainly('127.0.0.1'), '');
  } finally {
    await listening.close();
  }
});

test('a renewed certificate of the site lets nobody else in, and replaced authorities count at once', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const listening = await listen({ tls: { ...tls, clientCaFile: file('clients.pem') } });
  let seconds = 0;
  const touch = (name: string): void => {
    seconds += 5;
    utimesSync(file(name), new Date(), new Date(Date.now() + seconds * 1000));
    mock.timers.tick(30_000);
  };
  try {
    makeAuthority('site');
    touch('site.pem');
    for (const stranger of [null, 'eve']) assert.equal(await byTls(stranger), '');
    assert.match(await byTls('mira'), /^HTTP\/1\.1 200 /);
    copyFileSync(file('others.pem'), file('clients.pem'));
    touch('clients.pem');
    assert.equal(await byTls('mira'), '');
    assert.match(await byTls('eve'), /^HTTP\/1\.1 200 /);
    writeFileSync(file('clients.pem'), 'nobody');
    touch('clients.pem');
    assert.equal(await byTls('mira'), '');
    assert.match(await byTls('eve'), /^HTTP\/1\.1 200 /);
    assert.deepEqual(
      logged.map((each) => (each as string[])[0]),
      ['tls.certificate-changed', 'tls.certificate-changed', 'tls.certificate-unusable'],
    );
  } finally {
    await listening.close();
    mock.timers.reset();
    copyFileSync(file('people.pem'), file('clients.pem'));
  }
});

test('authorities that cannot be read or are none are refused by setting', async () => {
  await assert.rejects(
    listen({ tls: { ...tls, clientCaFile: file('nowhere.pem') } }),
    /listen\.tls\.clientCaFile: .*nowhere\.pem cannot be read/,
  );
  await assert.rejects(
    listen({ tls: { ...tls, clientCaFile: file('site.key') } }),
    /listen\.tls\.clientCaFile: .*site\.key holds no certificate/,
  );
});

test('a connection from outside the named networks is closed before a byte of HTTP is read, and told once', async () => {
  const listening = await listen({ allowFrom: ['127.0.0.2/32', '10.0.0.0/8'] }, 'http');
  try {
    for (let times = 0; times < 3; times += 1) assert.equal(await plainly('127.0.0.1'), '');
    assert.equal(await plainly('127.0.0.3', port, 'no HTTP at all\r\n\r\n'), '');
    assert.deepEqual(requests, []);
    assert.deepEqual(logged, [['connection.closed', '127.0.0.1']]);
    assert.match(await plainly('127.0.0.2'), /^HTTP\/1\.1 200 /);
  } finally {
    await listening.close();
  }
});

test('with TLS a stranger’s network gets no handshake, and at the port that leads to HTTPS no answer', async () => {
  const listening = await listen({
    ...{ allowFrom: ['127.0.0.2/32'], tls: { ...tls, redirectPort } },
  });
  try {
    let shaken = false;
    const options = { localAddress: '127.0.0.1', checkServerIdentity: () => undefined };
    const stranger = connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ...options },
      () => (shaken = true),
    );
    assert.equal(await heard(stranger, get), '');
    assert.equal(shaken, false);
    assert.equal(await plainly('127.0.0.1', redirectPort), '');
    assert.deepEqual(requests, []);
    assert.match(await plainly('127.0.0.2', redirectPort), /^HTTP\/1\.1 308 /);
    const own = connectPlainly({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    assert.match(await byTls(null, { socket: own }), /^HTTP\/1\.1 200 /);
  } finally {
    await listening.close();
  }
});

test('what is no network is refused, and so is an empty list', () => {
  const parse = (allowFrom: unknown): boolean =>
    WebListen.safeParse({ host: '127.0.0.1', port: 1, allowFrom }).success;
  assert.deepEqual([['10.0.0.0/8'], ['10.0.0.1'], ['10.0.0.0/33'], []].map(parse), [
    true,
    false,
    false,
    false,
  ]);
});
