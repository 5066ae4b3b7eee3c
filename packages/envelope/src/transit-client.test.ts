/** The client against a server that answers what this test says: what it sends where, and what its errors hold. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { inspect } from 'node:util';
import { contextOf } from './context.ts';
import { createTransitClient, type TransitSettings } from './transit-client.ts';
import { createTransitKek } from './transit-kek.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-transit-'));
const secretId = 'secret-id-canary';
const token = 'token-canary';
const key = Buffer.alloc(32, 'k');
const context = contextOf({ type: 'project-dek', project: 'shop/web', dek: 'dek_0000000000' });

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let transit: Handler = () => undefined;
let logins = 0;
let settings: TransitSettings;
const server = createServer((request, response) => {
  if (request.url !== '/v1/auth/approle/login') {
    transit(request, response);
    return;
  }
  logins += 1;
  answer(response, 200, { auth: { client_token: token, lease_duration: 3600 } });
});

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), `${text}\n`, { mode: 0o600 });
    return join(directory, name);
  };
  settings = {
    address: `http://127.0.0.1:${port}`,
    requestTimeoutSeconds: 1,
    identity: {
      mount: 'approle',
      roleIdFile: file('role-id', 'role'),
      secretIdFile: file('secret-id', secretId),
    },
  };
});
beforeEach(() => {
  logins = 0;
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const newKek = () =>
  createTransitKek({ client: createTransitClient(settings), mount: 'transit', key: 'airlock-np' });

async function faultOf(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error: unknown = await work.then(
    () => null,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof Error && 'code' in error, 'a failure was expected');
  return {
    code: String(error.code),
    text: `${inspect(error, { depth: 9 })}${JSON.stringify(error)}`,
  };
}

test('a login serves many requests, and one that Vault forgot is made anew once', async () => {
  let forgotten = false;
  transit = (request, response) => {
    assert.equal(request.headers['x-vault-token'], token);
    if (forgotten) answer(response, 403, { errors: ['permission denied'] });
    else answer(response, 200, { data: { ciphertext: 'vault:v1:AAAA' } });
    forgotten = false;
  };
  const kek = newKek();
  await kek.wrap(key, context);
  await kek.wrap(key, context);
  assert.equal(logins, 1);
  forgotten = true;
  assert.equal(await kek.wrap(key, context), 'vault:v1:AAAA');
  assert.equal(logins, 2);
});

test('a redirect is not followed', async () => {
  let asked = 0;
  transit = (_request, response) => {
    asked += 1;
    response.writeHead(307, { location: `${settings.address}/v1/elsewhere` }).end();
  };
  assert.equal((await faultOf(newKek().wrap(key, context))).code, 'kek-unavailable');
  assert.equal(asked, 1);
});

test('silence ends at the deadline, as a keeper that is away', async () => {
  transit = () => undefined;
  const started = performance.now();
  const { code, text } = await faultOf(newKek().wrap(key, context));
  assert.equal(code, 'kek-unavailable');
  assert.match(text, /1 s are over/);
  assert.ok(performance.now() - started < 5_000);
});

const verdicts = [
  [500, 'cipher: message authentication failed', 'envelope-unopenable'],
  [400, 'cipher: message authentication failed', 'envelope-unopenable'],
  [400, 'ciphertext or signature version is disallowed by policy (too old)', 'kek-refused'],
  [403, 'permission denied', 'kek-refused'],
  [404, 'no handler for route', 'kek-refused'],
  [429, 'rate limit quota exceeded', 'kek-unavailable'],
  [500, 'internal error', 'kek-unavailable'],
  [503, 'Vault is sealed', 'kek-unavailable'],
] as const;
for (const [status, reason, code] of verdicts) {
  test(`${status} ${reason} is ${code}`, async () => {
    transit = (_request, response) => {
      answer(response, status, { errors: [reason] });
    };
    assert.equal((await faultOf(newKek().unwrap('vault:v1:AAAA', context))).code, code);
  });
}

test('no error holds the token, the secret id, the key or an answer’s body', async () => {
  const faults: Handler[] = [
    (_request, response) => response.destroy(),
    (_request, response) => response.end('not json: body-canary'),
    (_request, response) => {
      answer(response, 200, { data: { plaintext: 'body-canary' } });
    },
    (_request, response) => {
      answer(response, 200, { data: { other: 'body-canary' } });
    },
    (_request, response) => response.end('x'.repeat(300 * 1024)),
  ];
  for (const fault of faults) {
    transit = fault;
    for (const work of [newKek().wrap(key, context), newKek().unwrap('vault:v1:AAAA', context)]) {
      const { text } = await faultOf(work);
      const hidden = [token, secretId, 'body-canary', key.toString('base64'), key.toString()];
      for (const each of hidden) assert.ok(!text.includes(each), text);
    }
  }
});

test('http to another machine, and https without an authority of its own, are refused at the start', () => {
  const at = (address: string) => () => createTransitClient({ ...settings, address });
  assert.throws(at('http://vault.example:8200'), { code: 'configuration-refused' });
  assert.throws(at('https://vault.example:8200'), {
    code: 'configuration-invalid',
    message: /caFile/,
  });
});
