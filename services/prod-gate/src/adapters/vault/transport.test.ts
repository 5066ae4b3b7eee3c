import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { VaultError } from '../../app/vault-ports.ts';
import { createVaultClient } from './client.ts';
import { VaultHttpError } from './errors.ts';
import { VaultSettings } from './settings.ts';
import { createVaultTransport } from './transport.ts';

const token = 's.very-secret-token';
const jwt = 'eyJ-very-secret-jwt';

async function listen(
  t: TestContext,
  handler: http.RequestListener,
  server: http.Server = http.createServer(),
): Promise<string> {
  server.on('request', handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `http://127.0.0.1:${address.port}`;
}

function clientOf(address: string, environment: NodeJS.ProcessEnv = {}, settings: object = {}) {
  const parsed = VaultSettings.parse({ address, requestTimeoutSeconds: 1, ...settings });
  const transport = createVaultTransport(parsed, environment);
  return createVaultClient({ address, transport, token });
}

async function failure(work: Promise<unknown>): Promise<VaultError> {
  const error: unknown = await work.then(
    () => assert.fail('expected a failure'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof VaultError, inspect(error));
  const shown = [inspect(error, { depth: null, showHidden: true }), JSON.stringify(error)].join();
  assert.ok(!shown.includes(token) && !shown.includes(jwt), `a secret shows in: ${shown}`);
  return error;
}

const json = (response: http.ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));

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
  const address = await listen(t, () => {});
  const stopping = new AbortController();
  setTimeout(() => {
    stopping.abort();
  }, 50);
  const started = Date.now();
  const error = await failure(clientOf(address).read('db/creds/x', { signal: stopping.signal }));
  assert.equal(error.code, 'vault-outcome-unknown');
  assert.ok(Date.now() - started < 800);
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
  assert.deepEqual(await clientOf(address, { AIRLOCK_DEMO: '1' }).read('x'), { data: {} });
});

const unsafe: NodeJS.ProcessEnv[] = [
  { VAULT_SKIP_VERIFY: 'false' },
  { VAULT_TOKEN: 's.x' },
  { VAULT_NAMESPACE: 'other' },
  { HTTP_PROXY: 'http://proxy' },
  { https_proxy: 'http://proxy' },
  { NODE_DEBUG: 'http' },
  { DEBUG: 'express,node-vault' },
  { DEBUG: '*' },
  { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
];
for (const environment of unsafe) {
  const [[name, value] = []] = Object.entries(environment);
  test(`${name}=${value} stops the process before it talks to Vault`, () => {
    const message = new RegExp(`${name} .*unset it`);
    assert.throws(() => clientOf('http://127.0.0.1:1', environment), {
      code: 'configuration-refused',
      message,
    });
  });
}

test('http to another machine, and https without a pinned authority, are refused', () => {
  assert.throws(() => clientOf('http://vault.example:8200'), { code: 'configuration-refused' });
  assert.throws(() => clientOf('http://localhost:8200'), { code: 'configuration-refused' });
  assert.throws(() => clientOf('https://vault.example:8200'), { code: 'configuration-invalid' });
});

test('only the pinned authority is believed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-vault-tls-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const pinned = await createCertificateAuthority('pinned');
  const other = await createCertificateAuthority('other');
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, pinned.certificatePem);
  const answerFrom = async (ca: typeof pinned) => {
    const { certificatePem: cert, keyPem: key } = await issueCertificate({
      ca,
      uriSan: 'airlock:test:vault',
      dnsNames: [],
      ipAddresses: ['127.0.0.1'],
      usage: 'server',
      days: 1,
    });
    const server = https.createServer({ cert, key });
    const plain = await listen(t, (_, response) => json(response, 200, { data: 1 }), server);
    return clientOf(plain.replace('http:', 'https:'), {}, { caFile }).read('x');
  };
  assert.deepEqual(await answerFrom(pinned), { data: 1 });
  const error = await failure(answerFrom(other));
  assert.equal(error.code, 'vault-unavailable');
  assert.equal(error.sent, false);
});
