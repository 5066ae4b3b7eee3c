/** The twelve defects that node-vault 0.12 has as it is shipped, by name, and that none of them is the gate's. */
import assert from 'node:assert/strict';
import type http from 'node:http';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { type Heard, clientOf, failure, json, listen, token } from './testing/vault-server.ts';

/** A server that keeps what it heard and answers each request with `answer`. */
async function hearing(
  t: TestContext,
  answer: (response: http.ServerResponse, heard: Heard) => void = (response) =>
    json(response, 200, { data: {} }),
): Promise<{ address: string; heard: Heard[] }> {
  const heard: Heard[] = [];
  const address = await listen(t, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const one = { method: request.method, url: request.url, headers: request.headers, body };
      heard.push(one);
      answer(response, one);
    });
  });
  return { address, heard };
}

/** Sets variables of this process for the length of a test. */
function withVariables(t: TestContext, variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    process.env[name] = value;
    t.after(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before;
    });
  }
}

test('1: a revocation that Vault takes over with 202 is no failure', async (t) => {
  const { address } = await hearing(t, (response) => response.writeHead(202).end());
  assert.equal(await clientOf(address).write('sys/leases/revoke', { lease_id: 'x' }), null);
});

for (const status of [301, 302, 307, 308]) {
  test(`2: ${status} to another host carries neither token nor secret id there`, async (t) => {
    const stranger = await hearing(t);
    const { address } = await hearing(t, (response) =>
      response.writeHead(status, { Location: `${stranger.address}/v1/x` }).end(),
    );
    const login = clientOf(address).write('auth/approle/login', { secret_id: 'hidden' });
    assert.equal((await failure(login)).code, 'vault-unavailable');
    assert.deepEqual(stranger.heard, []);
  });
}

test('3: a proxy that the environment names hears nothing', async (t) => {
  const proxy = await hearing(t);
  withVariables(t, {
    HTTP_PROXY: proxy.address,
    http_proxy: proxy.address,
    HTTPS_PROXY: proxy.address,
    ALL_PROXY: proxy.address,
  });
  const { address, heard } = await hearing(t);
  await clientOf(address).read('x');
  assert.equal(heard.length, 1);
  assert.deepEqual(proxy.heard, []);
});

test('4: an error holds neither the token nor what was written', async (t) => {
  const { address } = await hearing(t, (response) => json(response, 400, { errors: ['no'] }));
  const error = await failure(clientOf(address).write('x', { secret_id: 'hidden-secret-id' }));
  const shown = [inspect(error, { depth: null, showHidden: true }), JSON.stringify(error)].join();
  assert.ok(!shown.includes('hidden-secret-id'));
});

test('5: an answer that never ends, is too long or is no JSON is an error', async (t) => {
  const endless = await hearing(t, (response) => response.writeHead(200).write('{'));
  assert.equal((await failure(clientOf(endless.address).read('x'))).code, 'vault-outcome-unknown');
  const html = await hearing(t, (response) =>
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>'),
  );
  assert.equal((await failure(clientOf(html.address).read('x'))).code, 'vault-answer-malformed');
});

test('6: address, token and namespace come from the configuration alone', async (t) => {
  const stranger = await hearing(t);
  withVariables(t, {
    VAULT_ADDR: stranger.address,
    VAULT_TOKEN: 's.of-the-environment',
    VAULT_NAMESPACE: 'other',
    VAULT_PREFIX: '/other',
  });
  const { address, heard } = await hearing(t);
  await clientOf(address).read('x');
  assert.deepEqual(stranger.heard, []);
  assert.equal(heard[0]?.url, '/v1/x');
  assert.equal(heard[0].headers['x-vault-token'], token);
  assert.equal(heard[0].headers['x-vault-namespace'], undefined);
});

test('6: a login sends no token, not even one of the environment', async (t) => {
  withVariables(t, { VAULT_TOKEN: 's.of-the-environment' });
  const { address, heard } = await hearing(t);
  await clientOf(address, { token: null }).write('auth/jwt/login', { jwt: 'x' });
  assert.equal(heard[0]?.headers['x-vault-token'], undefined);
});

test('7: two clients on one connection each send their own token', async (t) => {
  const { address, heard } = await hearing(t);
  const one = clientOf(address, { token: 's.one' });
  const other = one.withToken('s.other');
  for (const client of [one, other, one, other]) await client.read('x');
  assert.deepEqual(
    heard.map(({ headers }) => headers['x-vault-token']),
    ['s.one', 's.other', 's.one', 's.other'],
  );
});

test('8: no answer changes the token that a client sends', async (t) => {
  const { address, heard } = await hearing(t, (response) =>
    json(response, 200, { auth: { client_token: 's.child', accessor: 'a' } }),
  );
  const client = clientOf(address);
  await client.write('auth/token/create', {});
  await client.write('auth/token/renew', {});
  await client.read('x');
  assert.deepEqual(
    heard.map(({ headers }) => headers['x-vault-token']),
    [token, token, token],
  );
});

test('9: a name cannot lead to another path', async (t) => {
  const { address, heard } = await hearing(t);
  for (const role of ['../../../sys/seal-status?x', '{{token}}', 'a&b', "a'b", 'a%2fb']) {
    const error = await failure(clientOf(address).read(`database/creds/${role}`));
    assert.equal(error.code, 'vault-request-invalid');
  }
  assert.deepEqual(heard, []);
});

test('10: every field is sent as it was written', async (t) => {
  const { address, heard } = await hearing(t);
  const body = {
    token_policies: ['a'],
    token_type: 'service',
    ttl: '60s',
    num_uses: 1,
    sync: true,
  };
  await clientOf(address).write('auth/approle/role/x/secret-id', body);
  assert.deepEqual(JSON.parse(heard[0]?.body ?? ''), body);
});

test('11: nothing is renewed: a client can read, write and list', () => {
  const client = clientOf('http://127.0.0.1:1').withToken(token);
  assert.deepEqual(Object.keys(client).sort(), ['list', 'read', 'write']);
});

test('12: every reason, the status and Retry-After reach whoever has to act', async (t) => {
  const { address } = await hearing(t, (response) => {
    response.setHeader('Retry-After', '9');
    json(response, 429, { errors: ['one', 'two'] });
  });
  const error = await failure(clientOf(address).read('x'));
  assert.equal(error.retryAfterSeconds, 9);
  assert.match(error.message, /429 .*one; two/);
});
