/** A webhook that comes by the relay: the relay’s own process, and nonprod’s side without a listener. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { createLog } from '@airlock/process/log';
import { freePort } from '@airlock/testkit/ports';
import { testPostgres } from '@airlock/testkit/stack';
import { createRepositoryStore } from '../adapters/postgres/repository-store.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { machineClient, writeTlsFiles } from '../testing/machine-client.ts';
import { keepWebhooks } from '../webhook-keeping.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;
const root = join(import.meta.dirname, '../../../..');
const secret = 'a secret of the installation';

let directory: string;
let database: TestDatabase;
let pool: DatabasePool;
let ports: { readonly hooks: number; readonly pull: number };
let relay: ChildProcess | null = null;
let tls: Awaited<ReturnType<typeof writeTlsFiles>>;
let strangersTls: typeof tls;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-relay-'));
  database = await testDatabase(await testPostgres());
  pool = openPool(database.connectionOf('nonprod_web'));
  const url = 'https://git.example/shop/web.git';
  const settings = { url, cloneUrl: url, provider: 'github', mainBranch: 'main' } as const;
  await createRepositoryStore(database.as('nonprod_web')).add(
    'shop/web',
    { ...settings, protectedRefs: [], branches: [], buildLatest: false },
    'oke@demo.example',
  );
  const hooks = await freePort();
  const pull = await freePort();
  ports = { hooks, pull };
  const ca = await createCertificateAuthority('hook-edge');
  const issue = (uriSan: string, usage: 'server' | 'client') =>
    issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses: ['127.0.0.1'], usage, days: 1 });
  const server = await writeTlsFiles(
    directory,
    'relay',
    ca,
    await issue('airlock:hook-relay', 'server'),
  );
  tls = await writeTlsFiles(directory, 'web', ca, await issue('airlock:nonprod:web', 'client'));
  strangersTls = await writeTlsFiles(
    directory,
    'runner',
    ca,
    await issue('airlock:runner:r1', 'client'),
  );
  writeFileSync(join(directory, 'secret'), secret);
  const hook = { provider: 'github', secretFile: join(directory, 'secret') };
  writeFileSync(
    join(directory, 'relay.yaml'),
    JSON.stringify({
      listen: { host: '127.0.0.1', port: hooks },
      hooks: [
        { ...hook, from: ['127.0.0.0/8'] },
        { ...hook, repository: 'shop/web', from: ['192.30.252.0/22'] },
      ],
      pull: { host: '127.0.0.1', port: pull, ...server },
      spool: { directory: join(directory, 'spool') },
    }),
  );
  relay = await startRelay();
});
after(async () => {
  await stopRelay('SIGTERM');
  await pool.end();
  await database.close();
  rmSync(directory, { recursive: true });
});

async function startRelay(): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      ...['--conditions=source', '--import', join(root, 'scripts/tsx-hooks.mjs')],
      join(root, 'services/hook-relay/src/processes/relay.ts'),
      ...['--config', join(directory, 'relay.yaml')],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => {
      reject(new Error(`the relay ended with ${code ?? 'a signal'}: ${text}`));
    });
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('process.ready')) resolve();
    });
  });
  return child;
}

async function stopRelay(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const child = relay;
  if (child === null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
  relay = null;
}

const spooled = (): string[] => readdirSync(join(directory, 'spool'));

async function post(change: { path?: string; key?: string } = {}): Promise<number> {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    nonce: randomUUID(),
    repository: { full_name: 'shop/web' },
  });
  const response = await fetch(
    `http://127.0.0.1:${ports.hooks}${change.path ?? '/hooks/git/github'}`,
    {
      method: 'POST',
      headers: {
        'x-github-event': 'push',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${createHmac('sha256', change.key ?? secret)
          .update(body)
          .digest('hex')}`,
        'x-forwarded-for': '192.30.252.1',
        cookie: 'session=of-somebody',
      },
      body,
    },
  );
  return response.status;
}

/** Nonprod’s side until `enough`; it listens nowhere. */
async function pullUntil(
  enough: () => Promise<boolean>,
  installationSecret = secret,
): Promise<void> {
  const stopping = new AbortController();
  const closers: (() => Promise<void> | void)[] = [];
  writeFileSync(join(directory, 'own-secret'), installationSecret);
  const keeping = keepWebhooks({
    settings: {
      webhooks: [{ provider: 'github', secretFile: join(directory, 'own-secret') }],
      webhookKeyFile: null,
      hookRelay: { url: `https://127.0.0.1:${ports.pull}`, ...tls },
    },
    repositories: createRepositoryStore(database.as('nonprod_web')),
    listen: { host: '127.0.0.1', port: 1 },
    pool,
    bell: { ring: () => undefined },
    events: createEvents(silent),
    runtime: { log: silent, signal: stopping.signal, onClose: (close) => closers.push(close) },
  });
  assert.ok(keeping.intake.prefix);
  try {
    for (let i = 0; i < 100 && !(await enough()); i += 1) await sleep(100);
    assert.ok(await enough());
  } finally {
    stopping.abort();
    for (const close of closers.reverse()) await close();
  }
}

const taken = () => database.as('owner').webhookDelivery.count({ where: { relayed: true } });

test('a webhook reaches nonprod, which listens nowhere, and is forgotten at the relay', async () => {
  assert.equal(await post(), 202);
  assert.equal(spooled().length, 1);
  await pullUntil(async () => (await taken()) === 1 && spooled().length === 0);
});

test('what is answered survives the relay’s death, and leaves it no more of the request than is needed', async () => {
  const before = await taken();
  assert.equal(await post(), 202);
  await stopRelay('SIGKILL');
  writeFileSync(join(directory, 'spool/0000000000000001.part'), 'half of a delivery');
  relay = await startRelay();
  assert.equal(spooled().length, 1);
  const client = machineClient(`https://127.0.0.1:${ports.pull}`, tls, 'airlock:hook-relay');
  const { body } = await client.call('GET', '/v1/hooks');
  client.close();
  assert.doesNotMatch(body.toString(), /of-somebody|x-forwarded-for/);
  await pullUntil(async () => (await taken()) === before + 1 && spooled().length === 0);
});

test('a forged webhook is refused and not kept', async () => {
  assert.equal(await post({ key: 'another secret of 16' }), 403);
  assert.deepEqual(spooled(), []);
});

test('a signed webhook from another address is refused, whatever it says it was forwarded for', async () => {
  assert.equal(await post({ path: '/hooks/git/github/shop/web' }), 403);
  assert.deepEqual(spooled(), []);
});

test('at any other address of the relay there is nothing', async () => {
  for (const path of ['/', '/v1/hooks', '/hooks/git/gitlab', '/hooks/git/github/shop/api']) {
    assert.equal(await post({ path }), 404, path);
  }
});

test('nobody but nonprod may fetch', async () => {
  const client = machineClient(
    `https://127.0.0.1:${ports.pull}`,
    strangersTls,
    'airlock:hook-relay',
  );
  assert.equal((await client.call('GET', '/v1/hooks')).status, 403);
  client.close();
});

test('nonprod believes the relay no signature: under another secret nothing is taken', async () => {
  const before = await taken();
  assert.equal(await post(), 202);
  await pullUntil(() => Promise.resolve(spooled().length === 0), 'a secret that nonprod knows');
  assert.equal(await taken(), before);
});
