import { AirlockError } from '@airlock/common/errors';
import type { Log } from '@airlock/process/log';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MintError, type LoginClaims } from '../../app/mint-login.ts';
import { AuthorityError, createAuthorityClient } from './client.ts';
import { createLoginSigner } from './login-signer.ts';
import { startAuthorityServer } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-authority-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

const login = {
  jwt: 'a.b.c',
  mount: 'jwt-prod-eu',
  role: 'prod-eu',
  expiresAt: '2026-11-22T10:00:20Z',
};
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
let sockets = 0;

async function serve(mint: () => Promise<typeof login>, mode: 0o600 | 0o660 = 0o600) {
  sockets += 1;
  const socketPath = join(directory, `${sockets}.sock`);
  const server = await startAuthorityServer({ socketPath, socketMode: mode, log: quiet, mint });
  const ask = () =>
    createAuthorityClient(socketPath).mint({
      deliveryId: 'dlv_0000000001',
      sessionId: 'vse_0000000001',
      signal: new AbortController().signal,
    });
  return { socketPath, server, ask };
}

function send(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('the socket lets nobody in but its owner, and its group where that is asked for', async () => {
  const own = await serve(() => Promise.resolve(login));
  const group = await serve(() => Promise.resolve(login), 0o660);
  assert.equal(statSync(own.socketPath).mode & 0o777, 0o600);
  assert.equal(statSync(group.socketPath).mode & 0o777, 0o660);
  assert.deepEqual(await own.ask(), login);
  for (const { server } of [own, group]) await server.close();
});

test('a refusal arrives with every code, a fault of the authority without its inside', async () => {
  const refusing = await serve(() => Promise.reject(new MintError(['rejected', 'already-minted'])));
  await assert.rejects(refusing.ask(), (error) => {
    assert.ok(error instanceof AuthorityError);
    assert.deepEqual(
      [error.code, error.codes],
      ['authority-refused', ['rejected', 'already-minted']],
    );
    return true;
  });
  const broken = await serve(() => Promise.reject(new Error('password=hunter2')));
  await assert.rejects(broken.ask(), (error) => {
    assert.ok(error instanceof AuthorityError);
    assert.equal(error.code, 'authority-unavailable');
    assert.ok(!error.message.includes('hunter2'));
    return true;
  });
  for (const { server } of [refusing, broken]) await server.close();
});

test('anything but a mint request is refused before anything is decided', async () => {
  let asked = 0;
  const { socketPath, server } = await serve(() => {
    asked += 1;
    return Promise.resolve(login);
  });
  const good = JSON.stringify({ deliveryId: 'dlv_1', sessionId: 'vse_1' });
  const statuses = [
    await send(socketPath, 'GET', '/v1/mint', ''),
    await send(socketPath, 'POST', '/v1/other', good),
    await send(socketPath, 'POST', '/v1/mint?x=1', good),
    await send(socketPath, 'POST', '/v1/mint', 'no json'),
    await send(socketPath, 'POST', '/v1/mint', '{"deliveryId":"dlv_1"}'),
    await send(
      socketPath,
      'POST',
      '/v1/mint',
      '{"deliveryId":"d","sessionId":"s","target":"prod"}',
    ),
    await send(socketPath, 'POST', '/v1/mint', ' '.repeat(5000)),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [404, 404, 404, 400, 400, 400, 400]);
  assert.equal(asked, 0);
  await server.close();
});

test('an authority that is away is said to be, with where it was looked for', async () => {
  const { ask, server, socketPath } = await serve(() => Promise.resolve(login));
  await server.close();
  await assert.rejects(ask(), (error) => {
    assert.ok(error instanceof AuthorityError);
    assert.equal(error.code, 'authority-unavailable');
    assert.ok(error.message.includes(socketPath));
    return true;
  });
});

test("a killed authority's socket is replaced, a living one's is not, and another file is left alone", async () => {
  const file = join(directory, 'file');
  writeFileSync(file, 'kept');
  const start = (socketPath: string) =>
    startAuthorityServer({
      socketPath,
      socketMode: 0o600,
      log: quiet,
      mint: () => Promise.resolve(login),
    });
  await assert.rejects(start(file), { code: 'configuration-refused' });
  const living = await serve(() => Promise.resolve(login));
  await assert.rejects(start(living.socketPath), { code: 'configuration-refused' });
  await living.server.close();

  const stale = join(directory, 'stale.sock');
  const holder = createServer().listen(stale);
  await new Promise((resolve) => holder.once('listening', resolve));
  // What SIGKILL leaves: the name without anybody behind it.
  const moved = join(directory, 'moved.sock');
  const { renameSync } = await import('node:fs');
  renameSync(stale, moved);
  await new Promise((resolve) => holder.close(resolve));
  await (await start(moved)).close();
});

test('logins are signed with ES256, and only a private P-256 key file is accepted', async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = join(directory, 'key.pem');
  writeFileSync(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const iat = Math.floor(Date.now() / 1000);
  // The signer signs what it is given; the claims themselves are mint-login's.
  const claims = {
    sub: 'target:prod-eu',
    approvals: '2',
    iat,
    nbf: iat,
    exp: iat + 20,
  } as LoginClaims;
  const jwt = await createLoginSigner(file).sign(claims);
  assert.deepEqual(decodeProtectedHeader(jwt), { alg: 'ES256', typ: 'JWT' });
  const { payload } = await jwtVerify(jwt, pair.publicKey);
  assert.deepEqual({ ...payload }, { ...claims });

  const refused = (why: RegExp) => (error: unknown) =>
    error instanceof AirlockError &&
    error.code === 'configuration-unreadable' &&
    why.test(error.message);
  chmodSync(file, 0o640);
  assert.throws(() => createLoginSigner(file), refused(/chmod 600/));
  const wrong = join(directory, 'wrong.pem');
  const ed = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(wrong, ed, { mode: 0o600 });
  assert.throws(() => createLoginSigner(wrong), refused(/P-256/));
  assert.throws(() => createLoginSigner(join(directory, 'none')), refused(/airlock keygen/));
});
