import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import type { VaultError } from '../../app/vault-ports.ts';
import { VaultHttpError } from './errors.ts';
import { clientOf, failure, json, jwt, listen } from './testing/vault-server.ts';

test('a redirect is not followed, and the token reaches nobody else', async (t) => {
  let strangers = 0;
  const stranger = await listen(t, (_, response) => {
    strangers += 1;
    response.end();
  });
  const address = await listen(t, (_, response) => {
    response.writeHead(307, { Location: `${stranger}/v1/auth/jwt/login` }).end();
  });
  const error = await failure(clientOf(address).write('auth/jwt/login', { jwt }));
  assert.equal(error.code, 'vault-unavailable');
  assert.equal(strangers, 0);
});

test('202 is a success, and 204 answers nothing', async (t) => {
  const address = await listen(t, (request, response) => {
    response.writeHead(request.url === '/v1/a' ? 202 : 204).end();
  });
  assert.equal(await clientOf(address).write('a', {}), null);
  assert.equal(await clientOf(address).write('b', {}), null);
});

test('no connection means that nothing was sent', async () => {
  const error = await failure(clientOf('http://127.0.0.1:1').write('auth/jwt/login', { jwt }));
  assert.equal(error.code, 'vault-unavailable');
  assert.equal(error.sent, false);
});

test('an answer that does not come within the deadline may have been executed', async (t) => {
  const address = await listen(t, () => {});
  const error = await failure(clientOf(address).read('db/creds/x'));
  assert.equal(error.code, 'vault-outcome-unknown');
  assert.equal(error.sent, true);
});

test('an answer that breaks off may have been executed', async (t) => {
  const address = await listen(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' });
    response.write('{"lease_id":"');
    setTimeout(() => response.destroy(), 20);
  });
  const error = await failure(clientOf(address).read('db/creds/x'));
  assert.equal(error.code, 'vault-outcome-unknown');
});

test('a stopped delivery ends the request at once', async (t) => {
  const stopping = new AbortController();
  let stoppedAt = 0;
  const address = await listen(t, () => {
    stoppedAt = Date.now();
    stopping.abort();
  });
  const error = await failure(clientOf(address).read('db/creds/x', { signal: stopping.signal }));
  assert.equal(error.code, 'vault-outcome-unknown');
  assert.ok(Date.now() - stoppedAt < 800);
});

test('a delivery stopped before the request sends nothing', async (t) => {
  let asked = 0;
  const address = await listen(t, (_, response) => {
    asked += 1;
    response.end();
  });
  const error = await failure(clientOf(address).read('x', { signal: AbortSignal.abort() }));
  assert.equal(error.sent, false);
  assert.equal(asked, 0);
});

test('an answer of more than a mebibyte is cut off', async (t) => {
  const address = await listen(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(`"${'x'.repeat(1024 * 1024 + 1)}"`);
  });
  const error = await failure(clientOf(address).read('x'));
  assert.match(error.message, /longer than/);
});

test('a page of HTML is not taken for an answer', async (t) => {
  const address = await listen(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Sign in</h1>');
  });
  assert.equal((await failure(clientOf(address).read('x'))).code, 'vault-answer-malformed');
});

const statuses: [number, VaultError['code']][] = [
  [400, 'vault-refused'],
  [403, 'vault-refused'],
  [404, 'vault-refused'],
  [429, 'vault-unavailable'],
  [472, 'vault-unavailable'],
  [473, 'vault-unavailable'],
  [500, 'vault-fault'],
  [503, 'vault-unavailable'],
];
for (const [status, code] of statuses) {
  test(`${status} is ${code}, with every reason and Retry-After`, async (t) => {
    const address = await listen(t, (_, response) => {
      response.setHeader('Retry-After', '7');
      json(response, status, { errors: ['first\n\u001b[31m', 'second'] });
    });
    const error = await failure(clientOf(address).write('x', { jwt }));
    assert.ok(error instanceof VaultHttpError);
    assert.equal(error.code, code);
    assert.equal(error.retryAfterSeconds, 7);
    assert.deepEqual(error.reasons, ['first [31m', 'second']);
  });
}

test('an empty list is 404 without a reason; 404 with a reason is a failure', async (t) => {
  const address = await listen(t, (request, response) => {
    const isEmpty = request.url === '/v1/sys/leases/lookup/db/?list=1';
    json(response, 404, { errors: isEmpty ? [] : ['unsupported path'] });
  });
  assert.deepEqual(await clientOf(address).list('sys/leases/lookup/db/'), []);
  assert.equal((await failure(clientOf(address).list('sys/elsewhere/'))).code, 'vault-refused');
});

for (const path of [
  '../sys/seal',
  'a/../b',
  'a//b',
  'a/%2e%2e/b',
  'a?x=1',
  'a b',
  'a/./b',
  'a#b',
]) {
  test(`the path ${path} is refused before anything is sent`, async (t) => {
    let asked = 0;
    const address = await listen(t, (_, response) => {
      asked += 1;
      response.end();
    });
    const error = await failure(clientOf(address).read(path));
    assert.equal(error.code, 'vault-request-invalid');
    assert.equal(asked, 0);
  });
}

test('the stand-in is refused unless this is the demo', async (t) => {
  const address = await listen(t, (_, response) => {
    response.setHeader('X-Airlock-Vault-Double', '1');
    json(response, 200, { data: {} });
  });
  assert.equal((await failure(clientOf(address).read('x'))).code, 'vault-is-double');
  assert.deepEqual(await clientOf(address, { environment: { AIRLOCK_DEMO: '1' } }).read('x'), {
    data: {},
  });
});

test('an unsafe environment stops the process before it talks to Vault', () => {
  assert.throws(() => clientOf('http://127.0.0.1:1', { environment: { VAULT_TOKEN: 's.x' } }), {
    code: 'configuration-refused',
  });
});

test('http to another machine, and https without a pinned authority, are refused', () => {
  assert.throws(() => clientOf('http://vault.example:8200'), { code: 'configuration-refused' });
  assert.throws(() => clientOf('http://localhost:8200'), { code: 'configuration-refused' });
  assert.throws(() => clientOf('https://vault.example:8200'), { code: 'configuration-invalid' });
});

/** A TLS server of a new authority, and the file with that authority. */
async function tlsServer(t: TestContext, handler: http.RequestListener) {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-vault-tls-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const ca = await createCertificateAuthority('vault');
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, ca.certificatePem);
  const { certificatePem: cert, keyPem: key } = await issueCertificate({
    ca,
    uriSan: 'airlock:test:vault',
    dnsNames: [],
    ipAddresses: ['127.0.0.1'],
    usage: 'server',
    days: 1,
  });
  const server = https.createServer({ cert, key });
  const plain = await listen(t, handler, server);
  return { address: plain.replace('http:', 'https:'), caFile, server };
}

test('only the pinned authority is believed', async (t) => {
  const answer: http.RequestListener = (_, response) => json(response, 200, { data: 1 });
  const one = await tlsServer(t, answer);
  const other = await tlsServer(t, answer);
  const { address, caFile } = one;
  assert.deepEqual(await clientOf(address, { settings: { caFile } }).read('x'), { data: 1 });
  const error = await failure(clientOf(address, { settings: { caFile: other.caFile } }).read('x'));
  assert.equal(error.code, 'vault-unavailable');
  assert.equal(error.sent, false);
});

test('the calls of a delivery share one connection, which ends soon after the last', async (t) => {
  let connections = 0;
  const { address, caFile, server } = await tlsServer(t, (_, response) =>
    json(response, 200, { data: 1 }),
  );
  server.on('secureConnection', () => (connections += 1));
  const client = clientOf(address, { settings: { caFile } });
  for (let call = 0; call < 5; call += 1) await client.read('x');
  assert.equal(connections, 1);
  const open = () =>
    new Promise<number>((resolve) => {
      server.getConnections((_, count) => {
        resolve(count);
      });
    });
  for (let wait = 0; wait < 50 && (await open()) > 0; wait += 1) await delay(100);
  assert.equal(await open(), 0);
});

test('a request on a connection that had one before may have been executed, too', async (t) => {
  let asked = 0;
  const address = await listen(t, (request, response) => {
    asked += 1;
    if (asked === 1) json(response, 200, { data: 1 });
    else request.socket.destroy();
  });
  const client = clientOf(address);
  await client.read('x');
  const error = await failure(client.write('auth/jwt/login', { jwt }));
  assert.equal(error.code, 'vault-outcome-unknown');
  assert.equal(error.sent, true);
  assert.equal(asked, 2);
});

test("only Vault's own empty list reads as nothing left", async (t) => {
  let answer: unknown = { errors: [] };
  const address = await listen(t, (_, response) => json(response, 404, answer));
  const list = (): Promise<readonly string[]> => clientOf(address).list('sys/leases/lookup/x/');
  assert.deepEqual(await list(), []);
  for (const other of [{}, { message: 'not found' }, { errors: null }, { errors: 'no' }, null]) {
    answer = other;
    const error = await failure(list());
    assert.match(error.message, /404/, JSON.stringify(other));
  }
  answer = { errors: ['no handler for route'] };
  assert.match((await failure(list())).message, /no handler/);
  const empty = await listen(t, (_, response) => response.writeHead(404).end());
  assert.match((await failure(clientOf(empty).list('x/'))).message, /404/);
});
