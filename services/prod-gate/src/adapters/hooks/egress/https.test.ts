/** The HTTPS socket of a hook, against a real TLS server that writes down what reaches it. */
import {
  createCertificateAuthority,
  issueCertificate,
  type CertificateAndKey,
} from '@airlock/cli/setup/pki';
import type { Egress } from '@airlock/common/policy/target-egress';
import { Secret } from '@airlock/common/secret';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { TLSSocket } from 'node:tls';
import type { Credential } from '../../../app/vault-ports.ts';
import { describeEgress, openEgress } from './open.ts';

type HttpsEgress = Extract<Egress, { kind: 'https' }>;
type Seen = { method: string; url: string; headers: IncomingMessage['headers']; client: string };

const token = 't0ken-of-the-gate';
const directory = mkdtempSync(join(tmpdir(), 'airlock-https-'));
const seen: Seen[] = [];
let authority: CertificateAndKey;
let target: Server;
let answerWith: (request: IncomingMessage, response: ServerResponse) => void;

before(async () => {
  authority = await createCertificateAuthority('target');
  target = await listening(await certificate(authority, ['localhost']));
});

after(() => {
  target.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a request that the target file allows reaches the target with the credential, and the hook gets the answer', async (t) => {
  const { socket, host, lines } = await open(t, { scheme: 'Bearer' });
  answerWith = (_request, response) => {
    response.writeHead(201, { 'X-Deploy': '7' }).end('deploying');
  };
  const answer = await send(socket, { host, path: '/v1/deploys?wait=1', body: '{"release":"r1"}' });
  assert.deepEqual(
    [answer.status, answer.headers['x-deploy'], answer.body],
    [201, '7', 'deploying'],
  );
  const [request] = seen;
  assert.equal(request?.url, '/v1/deploys?wait=1');
  assert.equal(request.headers['authorization'], `Bearer ${token}`);
  assert.equal(request.headers['host'], `localhost:${portOf(target)}`);
  assert.deepEqual(lines, []);
});

test("the hook's own header of that name and the headers of its connection do not pass, whatever their spelling", async (t) => {
  const { socket, host } = await open(t, { header: 'X-Api-Key' });
  await send(socket, {
    host,
    headers: {
      'x-api-key': 'mine',
      X_Api_Key: 'mine too',
      'X-Gone': 'named by Connection',
      Connection: 'close, X-Gone',
      'Proxy-Authorization': 'Basic x',
      TE: 'trailers',
      'X-Kept': 'yes',
    },
  });
  const headers = seen[0]?.headers ?? {};
  assert.equal(headers['x-api-key'], token);
  assert.equal(headers['x-kept'], 'yes');
  for (const name of ['x_api_key', 'x-gone', 'proxy-authorization', 'te']) {
    assert.equal(headers[name], undefined, name);
  }
});

const refusedRequests: [claim: string, head: string, reason: RegExp][] = [
  ['another method', 'DELETE /v1/deploys HTTP/1.1\r\nHost: OWN', /its method is none of/],
  ['another path', 'GET /v1/admin HTTP/1.1\r\nHost: OWN', /its path is not covered/],
  ['a longer path', 'GET /v1/deploysx HTTP/1.1\r\nHost: OWN', /its path is not covered/],
  ['a path below an exact one', 'GET /v1/deploys/1 HTTP/1.1\r\nHost: OWN', /not covered/],
  ['dots in the path', 'GET /v1/logs/../admin HTTP/1.1\r\nHost: OWN', /\. or \.\. as a part/],
  ['encoded dots', 'GET /v1/logs/%2e%2e/admin HTTP/1.1\r\nHost: OWN', /another character/],
  ['an encoded slash', 'GET /v1/logs/..%2fadmin HTTP/1.1\r\nHost: OWN', /another character/],
  ['a path parameter', 'GET /v1/logs/..;/admin HTTP/1.1\r\nHost: OWN', /another character/],
  ['a backslash', 'GET /v1/logs/..\\admin HTTP/1.1\r\nHost: OWN', /another character/],
  ['an empty part', 'GET /v1/logs//x HTTP/1.1\r\nHost: OWN', /an empty part/],
  ['a whole address', 'GET https://OWN/v1/deploys HTTP/1.1\r\nHost: OWN', /no path/],
  ['another Host', 'GET /v1/deploys HTTP/1.1\r\nHost: other.example', /Host is other.example/],
  ['two Hosts', 'GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\nHost: other.example', /Host is/],
  ['no Host of HTTP/1.0', 'GET /v1/deploys HTTP/1.0\r\nX: y', /Host is missing/],
];
for (const [claim, head, reason] of refusedRequests) {
  test(`a request with ${claim} is refused by name and does not reach the target`, async (t) => {
    const { raw, lines } = await open(t, {});
    const answer = await raw(`${head}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 403 /);
    assert.match(answer, reason);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', reason);
    assert.deepEqual(seen, []);
  });
}

const malformed: [claim: string, text: string, status: number][] = [
  ['without a Host', 'GET /v1/deploys HTTP/1.1\r\n\r\n', 400],
  [
    'with a length and chunks',
    'POST /v1/deploys HTTP/1.1\r\nHost: OWN\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'with two lengths',
    'POST /v1/deploys HTTP/1.1\r\nHost: OWN\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n',
    400,
  ],
  [
    'whose chunks are not the last coding',
    'POST /v1/deploys HTTP/1.1\r\nHost: OWN\r\nTransfer-Encoding: chunked, x\r\n\r\n',
    400,
  ],
  ['with bare line feeds', 'GET /v1/deploys HTTP/1.1\nHost: OWN\n\n', 400],
  ['with a folded header', 'GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\nA: b\r\n c\r\n\r\n', 400],
  [
    'with headers of 20 KiB',
    `GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`,
    431,
  ],
  ['that begins TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
];
for (const [claim, text, status] of malformed) {
  test(`a request ${claim} ends with ${status} and does not reach the target`, async (t) => {
    const { raw } = await open(t, {});
    assert.match(await raw(text), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.deepEqual(seen, []);
  });
}

test('CONNECT is refused by name', async (t) => {
  const { raw, lines } = await open(t, {});
  const answer = await raw('CONNECT localhost:22 HTTP/1.1\r\nHost: OWN\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 405 /);
  assert.match(lines.join(), /CONNECT "localhost:22" refused/);
});

test('an upgrade is an ordinary request for the target', async (t) => {
  const { raw } = await open(t, {});
  await raw(
    'GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  assert.equal(seen.length, 1);
  assert.equal(seen[0]?.headers['upgrade'], undefined);
});

test('each of two requests sent at once is judged by itself', async (t) => {
  const { raw } = await open(t, {});
  const answer = await raw(
    'GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\n\r\nGET /v1/admin HTTP/1.1\r\nHost: OWN\r\n\r\n',
  );
  assert.deepEqual(answer.match(/HTTP\/1\.1 \d{3}/g), ['HTTP/1.1 200', 'HTTP/1.1 403']);
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['/v1/deploys'],
  );
});

test('a request inside the body of another stays a body', async (t) => {
  const { socket, host } = await open(t, {});
  await send(socket, { host, body: `GET /v1/admin HTTP/1.1\r\nHost: ${host}\r\n\r\n` });
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['/v1/deploys'],
  );
});

test('a request inside a body stays a body, also when Connection names the length of that body', async (t) => {
  const { raw } = await open(t, {});
  const inner = 'GET /v1/admin HTTP/1.1\r\nHost: x\r\n\r\n';
  const head = `GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\nContent-Length: ${inner.length}`;
  let body = '';
  answerWith = (request, response) => {
    request.setEncoding('latin1').on('data', (text: string) => (body += text));
    request.once('end', () => response.end('ok'));
  };
  for (const named of ['Content-Length', 'content_length', 'Transfer-Encoding']) {
    body = '';
    await raw(`${head}\r\nConnection: ${named}\r\n\r\n${inner}`);
    assert.equal(body, inner, named);
    assert.equal(seen.at(-1)?.headers['content-length'], String(inner.length), named);
  }
  assert.deepEqual(new Set(seen.map(({ url }) => url)), new Set(['/v1/deploys']));
});

test('one connection of the hook has no more than sixteen requests at the target at once', async (t) => {
  const { raw, lines } = await open(t, {});
  const waiting: ServerResponse[] = [];
  answerWith = (_request, response) => {
    waiting.push(response);
  };
  const answer = raw('GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\n\r\n'.repeat(40));
  await t.waitFor(() => {
    assert.equal(waiting.length, 16);
    assert.ok(lines.length > 0);
  });
  for (const response of waiting) response.end('ok');
  assert.match(await answer, /HTTP\/1\.1 503 [\s\S]*more than 16 requests at once/);
  assert.equal(seen.length, 16);
});

test('a request whose headers never end is cut after three seconds', async (t) => {
  const { raw } = await open(t, {});
  const started = performance.now();
  assert.match(await raw('GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\nA: '), /^HTTP\/1\.1 408 /);
  assert.ok(performance.now() - started >= 2_900);
});

test('a target with a certificate of another name or another authority gets no request and no credential', async (t) => {
  const stranger = await createCertificateAuthority('stranger');
  for (const made of [
    await certificate(authority, ['other.example']),
    await certificate(stranger, ['localhost']),
  ]) {
    const impostor = await listening(made);
    t.after(() => impostor.close());
    const { socket, host, lines } = await open(t, { port: portOf(impostor) });
    const answer = await send(socket, { host });
    assert.equal(answer.status, 502);
    assert.match(lines.join(), /TLS with localhost: /);
    assert.deepEqual(seen, []);
  }
});

test('a redirect is handed to the hook as it is, and not followed', async (t) => {
  const { socket, host } = await open(t, {});
  answerWith = (_request, response) => {
    response.writeHead(307, { Location: 'https://other.example/v1/deploys' }).end();
  };
  const answer = await send(socket, { host });
  assert.equal(answer.status, 307);
  assert.equal(answer.headers['location'], 'https://other.example/v1/deploys');
  assert.equal(seen.length, 1);
});

test('a credential of kind pki is the client certificate', async (t) => {
  const { certificatePem, keyPem } = await issueCertificate({
    ...{ ca: authority, uriSan: 'airlock://deploy', usage: 'client', days: 1 },
    ...{ dnsNames: [], ipAddresses: [] },
  });
  const { socket, host } = await open(t, {}, [
    {
      ...{ as: 'api-token', ending: 'ttl-only', leaseId: null, holder: '01', seconds: 60 },
      secret: {
        kind: 'pki',
        privateKey: new Secret(keyPem),
        certificate: certificatePem,
        chain: [],
      },
    },
  ]);
  await send(socket, { host });
  assert.equal(seen[0]?.client, 'CN=airlock://deploy');
});

test('a body of 32 MiB arrives whole, in both directions', async (t) => {
  const { socket, host } = await open(t, {});
  const body = Buffer.alloc(32 * 1024 * 1024, 'release');
  answerWith = (request, response) => {
    request.pipe(response);
  };
  const answer = await send(socket, { host, body, chunked: true });
  const digest = (bytes: Buffer | string): string =>
    createHash('sha256').update(bytes).digest('hex');
  assert.equal(digest(answer.body), digest(body));
});

test('an answer that breaks off is broken for the hook, too', async (t) => {
  const { raw, lines } = await open(t, {});
  answerWith = (_request, response) => {
    response.writeHead(200, { 'Content-Length': '1000' });
    response.write('half', () => response.socket?.destroy());
  };
  const answer = await raw('GET /v1/deploys HTTP/1.1\r\nHost: OWN\r\n\r\n');
  assert.match(answer, /half$/);
  await t.waitFor(() => {
    assert.match(lines.join(), /got no answer/);
  });
});

test('a credential that fits no header is refused before the hook, without a word of it', async (t) => {
  await assert.rejects(
    open(t, {}, [kv('line-one\nline-two')]),
    (error: Error) => /without line breaks/.test(error.message) && !/line-one/.test(error.message),
  );
});

test('what goes on when the hook has ended is cut, and nothing is accepted after', async (t) => {
  const { socket, host, close } = await open(t, {});
  const arrived = new Promise<void>((resolve) => {
    answerWith = () => {
      resolve();
    };
  });
  const waiting = assert.rejects(send(socket, { host }));
  await arrived;
  await close();
  await waiting;
  await assert.rejects(send(socket, { host }));
});

test('the hook learns the address that its requests must name', () => {
  const described: unknown = JSON.parse(describeEgress([egressTo(8443, {})], '/egress'));
  assert.deepEqual(described, {
    api: { kind: 'https', socket: '/egress/api.sock', origin: 'https://localhost:8443' },
  });
});

// ── what the tests are made of ──────────────────────────────────────────────────────────────────────────────────

async function certificate(ca: CertificateAndKey, dnsNames: string[]): Promise<CertificateAndKey> {
  return await issueCertificate({
    ...{ ca, dnsNames, uriSan: 'airlock://target', usage: 'server', days: 1, ipAddresses: [] },
  });
}

async function listening({ certificatePem, keyPem }: CertificateAndKey): Promise<Server> {
  const server = createServer(
    {
      ...{ cert: certificatePem, key: keyPem, ca: authority.certificatePem },
      ...{ requestCert: true, rejectUnauthorized: false },
    },
    (request, response) => {
      assert.ok(request.socket instanceof TLSSocket);
      const client = request.socket.getPeerX509Certificate()?.subject ?? '';
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, client });
      answerWith(request, response);
    },
  );
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

function kv(value: string): Credential {
  return {
    ...{ as: 'api-token', ending: 'by-hand', leaseId: null, holder: 'kv v3', seconds: null },
    secret: { kind: 'kv', value: new Secret(value) },
  };
}

function egressTo(port: number, more: Partial<HttpsEgress>): HttpsEgress {
  return {
    ...{ as: 'api', kind: 'https', host: 'localhost', port, ca: authority.certificatePem },
    ...{ methods: ['GET', 'POST'], paths: ['/v1/deploys', '/v1/logs/'], credential: 'api-token' },
    ...more,
  };
}

let opened = 0;

async function open(
  t: TestContext,
  more: Partial<HttpsEgress>,
  credentials: readonly Credential[] = [kv(token)],
) {
  seen.length = 0;
  answerWith = (_request, response) => {
    response.end('ok');
  };
  const lines: string[] = [];
  const egress = egressTo(portOf(target), more);
  opened += 1;
  const place = join(directory, String(opened));
  const sockets = await openEgress({
    ...{ directory: place, egresses: [egress], credentials, mask: (text) => text },
    say: (line) => lines.push(line),
  });
  t.after(() => sockets.close());
  const socket = join(place, 'api.sock');
  const host = `localhost:${egress.port}`;
  return {
    ...{ socket, lines, host, close: () => sockets.close() },
    raw: (text: string) => exchange(socket, text.replaceAll('OWN', host)),
  };
}

type Answer = { status: number; headers: IncomingMessage['headers']; body: string };

function send(
  socketPath: string,
  options: {
    host: string;
    path?: string;
    body?: string | Buffer;
    chunked?: boolean;
    headers?: Record<string, string>;
  },
): Promise<Answer> {
  const { path = '/v1/deploys', body, headers = {} } = options;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      ...{ socketPath, path, method: body === undefined ? 'GET' : 'POST', agent: false },
      headers: {
        Host: options.host,
        Authorization: 'Bearer of-the-hook',
        ...(options.chunked === true ? { 'Transfer-Encoding': 'chunked' } : {}),
        ...headers,
      },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    outgoing.end(body);
  });
}

/** Sends text as it is and gives everything that came until the end; a request that was served asks to be the last. */
function exchange(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path, () => socket.write(text, 'latin1'));
    const idle = setTimeout(() => {
      socket.destroy();
    }, 4_500);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      // A served request leaves the connection open for the next.
      if (/^HTTP\/1\.1 200 /.test(answer) && !answer.includes('HTTP/1.1 403')) {
        setTimeout(() => socket.end(), 100);
      }
    });
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(idle);
      resolve(answer);
    });
  });
}
