import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Provider } from '@airlock/common/webhook/provider';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeliveryQueue } from '../adapters/postgres/delivery-store.ts';
import {
  createRepositoryKeeping,
  createRepositoryStore,
} from '../adapters/postgres/repository-store.ts';
import { createReadWebhooks } from '../app/read-webhooks.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { keepWebhooks, type WebhookKeeping } from '../webhook-keeping.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;
const events = createEvents(silent);
const installationSecret = 'the installation’s own webhook secret';

let directory: string;
let database: TestDatabase;
let pool: DatabasePool;
let server: Server;
let keeping: WebhookKeeping;
const stopping = new AbortController();
const rung: string[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-hooks-'));
  database = await testDatabase(await testPostgres());
  pool = openPool(database.connectionOf('nonprod_web'));
  const secretFile = join(directory, 'secret');
  writeFileSync(secretFile, `${installationSecret}\n`);
  const webhookKeyFile = join(directory, 'key');
  writeFileSync(webhookKeyFile, 'k'.repeat(32));
  keeping = keepWebhooks({
    settings: { webhooks: [{ provider: 'github', secretFile }], webhookKeyFile, hookRelay: null },
    repositories: createRepositoryStore(database.as('nonprod_web')),
    listen: { host: '127.0.0.1', port: 1, proxies: ['127.0.0.1/32'] },
    pool,
    bell: { ring: (id) => rung.push(id) },
    events,
    runtime: { log: silent, signal: stopping.signal, onClose: () => undefined },
  });
  await add('shop/web', 'github');
  await add('shop/api', 'gitlab');
  server = createServer((request, response) => {
    keeping.intake.handle(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  stopping.abort();
  server.close();
  await pool.end();
  await database.close();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  rung.length = 0;
});

const addressOf = (name: string): string => `https://git.example/${name}.git`;

async function add(name: string, provider: Provider): Promise<void> {
  const added = await createRepositoryStore(database.as('nonprod_web')).add(
    name,
    {
      url: addressOf(name),
      cloneUrl: addressOf(name),
      provider,
      mainBranch: 'main',
      protectedRefs: [],
      branches: [],
      buildLatest: false,
    },
    'oke@demo.example',
  );
  assert.ok(added);
}

async function secretOf(name: string): Promise<string> {
  const row = await createRepositoryStore(database.as('nonprod_web')).find(name);
  return (row === null ? null : keeping.secretOf(row)) ?? assert.fail(`no hook of ${name}`);
}

function send(
  path: string,
  headers: Record<string, string>,
  body: string | Buffer,
  method = 'POST',
): Promise<{ status: number; text: string }> {
  // What listens on a TCP port has an address with a port.
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => (text += chunk));
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode ?? 0, text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const push = (name: string, ref = 'refs/heads/main'): string =>
  JSON.stringify({
    ref,
    nonce: randomUUID(),
    repository: { full_name: name, clone_url: addressOf(name) },
  });

async function github(
  body: string,
  change: { path?: string; secret?: string; id?: string; event?: string } = {},
): Promise<{ status: number; text: string }> {
  const secret = change.secret ?? (await secretOf('shop/web'));
  return send(
    change.path ?? '/hooks/git/github/shop/web',
    {
      'content-type': 'application/json',
      'x-github-event': change.event ?? 'push',
      'x-github-delivery': change.id ?? randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      // As the proxy in front passes on what a stranger wrote there first.
      'x-forwarded-for': '192.0.2.66, 198.51.100.7',
    },
    body,
  );
}

/** What the scheduler makes of everything that waits. */
async function readAll(): Promise<string[]> {
  const news: string[] = [];
  const db = database.as('nonprod_scheduler');
  await createReadWebhooks({
    deliveries: createDeliveryQueue(db, database.poolOf('nonprod_scheduler')),
    repositories: createRepositoryKeeping(db),
    events,
    newId,
    onNews: (repository) => news.push(repository),
  })();
  return news;
}

const lastDelivery = () =>
  database.as('owner').webhookDelivery.findFirstOrThrow({ orderBy: { id: 'desc' } });

test('a signed delivery is on disk before it is answered, rings once, and makes the scheduler look', async () => {
  const body = push('shop/web');
  const answer = await github(body);
  assert.deepEqual(answer, { status: 202, text: '{"delivery":"taken"}' });
  assert.deepEqual(rung, ['webhooks']);
  const row = await lastDelivery();
  assert.equal(Buffer.from(row.body ?? []).toString(), body);
  assert.equal(row.state, 'waiting');
  assert.deepEqual(await readAll(), ['shop/web']);
  assert.equal((await lastDelivery()).state, 'handled');
  assert.equal((await lastDelivery()).body, null);
});

test('the same delivery counts once, and so do the same bytes under another id', async () => {
  const body = push('shop/web');
  assert.match((await github(body, { id: 'first' })).text, /taken/);
  assert.match((await github(body, { id: 'first' })).text, /repeated/);
  assert.match((await github(body, { id: 'forged' })).text, /repeated/);
  assert.match((await github(push('shop/web'), { id: 'first' })).text, /repeated/);
  assert.equal(rung.length, 1);
});

test('of many copies of one delivery at once, one is new', async () => {
  const body = push('shop/web');
  const answers = await Promise.all(Array.from({ length: 12 }, () => github(body, { id: 'race' })));
  assert.equal(answers.filter(({ text }) => text.includes('taken')).length, 1);
});

test('a repository’s secret opens neither another repository’s hook nor the installation’s', async () => {
  const secret = await secretOf('shop/web');
  const body = push('shop/web');
  assert.equal((await github(body, { path: '/hooks/git/github', secret })).status, 403);
  assert.equal((await github(body, { secret: await secretOf('shop/api') })).status, 403);
  const token = { 'x-gitlab-event': 'Push Hook', 'idempotency-key': 'k', 'x-gitlab-token': secret };
  assert.equal((await send('/hooks/git/gitlab/shop/api', token, body)).status, 403);
  assert.deepEqual(rung, []);
});

test('a renewed secret makes the old one void', async () => {
  await add('shop/renewed', 'github');
  const path = '/hooks/git/github/shop/renewed';
  const old = await secretOf('shop/renewed');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal((await github(push('shop/renewed'), { path, secret: old })).status, 202);
  await createRepositoryStore(database.as('nonprod_web')).nextHook('shop/renewed');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal((await github(push('shop/renewed'), { path, secret: old })).status, 403);
  const renewed = await secretOf('shop/renewed');
  assert.equal((await github(push('shop/renewed'), { path, secret: renewed })).status, 202);
});

test('an address at which no hook stands is not found, whatever is sent there', async () => {
  for (const path of [
    '/hooks/git/github/shop/none',
    '/hooks/git/gitlab/shop/web',
    '/hooks/git/gitlab',
    '/hooks/git/sourceforge/shop/web',
    '/hooks/git/github/shop%2Fweb',
    '/hooks/git/github/shop/web/',
    '/hooks/git/github/shop/web?x=1',
    '/hooks/git/__proto__',
  ]) {
    assert.equal((await github(push('shop/web'), { path })).status, 404, path);
  }
  assert.equal((await send('/hooks/git/github/shop/web', {}, '', 'GET')).status, 404);
});

test('a compressed body is refused unread, and so is one that is too large', async () => {
  const body = push('shop/web');
  const headers = { 'content-encoding': 'gzip', 'x-github-event': 'push' };
  assert.equal((await send('/hooks/git/github/shop/web', headers, gzipSync(body))).status, 415);
  const large = { 'content-length': String(6 * 1024 * 1024) };
  const { status } = await send('/hooks/git/github/shop/web', large, Buffer.alloc(0)).catch(() => ({
    status: 413,
  }));
  assert.equal(status, 413);
});

test('GitLab’s token is taken, and its merge request leaves whose it is', async () => {
  const body = JSON.stringify({
    user: { id: 51, username: 'mallory' },
    project: { path_with_namespace: 'shop/api', git_http_url: addressOf('shop/api') },
    object_attributes: {
      iid: 3,
      title: '$(touch /tmp/x)',
      state: 'opened',
      action: 'open',
      updated_at: new Date().toISOString(),
      author_id: 51,
      source_branch: 'main',
      target_branch: 'main',
      source_project_id: 14,
      target_project_id: 1,
      last_commit: { id: 'a'.repeat(40) },
    },
  });
  const headers = {
    'x-gitlab-event': 'Merge Request Hook',
    'idempotency-key': randomUUID(),
    'x-gitlab-token': await secretOf('shop/api'),
  };
  await readAll();
  assert.equal((await send('/hooks/git/gitlab/shop/api', headers, body)).status, 202);
  assert.deepEqual(await readAll(), ['shop/api']);
  const facts = await database.as('nonprod_web').pullRequest.findFirstOrThrow({
    where: { repository: 'shop/api', number: 3 },
  });
  assert.equal(facts.headCommit, 'a'.repeat(40));
  assert.deepEqual(
    [facts.authorProvider, facts.authorId, facts.authorName, facts.isFork],
    ['gitlab', '51', 'mallory', true],
  );
  assert.equal(facts.title, '$(touch /tmp/x)');
});

const pull = (change: object, action = 'synchronize'): string =>
  JSON.stringify({
    action,
    nonce: randomUUID(),
    repository: { full_name: 'shop/web', clone_url: addressOf('shop/web') },
    pull_request: {
      number: 7,
      title: 'A change',
      state: 'open',
      updated_at: new Date().toISOString(),
      user: { id: 5, login: 'dana' },
      head: { ref: 'topic', sha: 'b'.repeat(40), repo: { id: 1, full_name: 'shop/web' } },
      base: { ref: 'main', repo: { id: 1 } },
      ...change,
    },
  });

test('an older delivery that comes late overwrites nothing, and one of last month is refused', async () => {
  const at = (daysAgo: number): string =>
    new Date(Date.now() - daysAgo * 24 * 3600_000).toISOString();
  const event = 'pull_request';
  await github(pull({ title: 'newer', updated_at: at(0) }), { event });
  await github(pull({ title: 'older', updated_at: at(1) }), { event });
  await github(pull({ title: 'ancient', updated_at: at(30) }), { event });
  await readAll();
  const facts = await database.as('owner').pullRequest.findFirstOrThrow({ where: { number: 7 } });
  assert.equal(facts.title, 'newer');
  assert.match((await lastDelivery()).reason ?? '', /^too-old/);
});

test('a fact from a time that has not come is refused, so that it keeps no true one out', async () => {
  const updated_at = new Date(Date.now() + 3600_000).toISOString();
  const event = 'pull_request';
  await github(pull({ title: 'tomorrow', number: 9, updated_at }), { event });
  await readAll();
  assert.match((await lastDelivery()).reason ?? '', /^too-new/);
  assert.equal(await database.as('owner').pullRequest.count({ where: { number: 9 } }), 0);
});

test('whose a pull request is counts when the forge said it here, and not when the relay did', async () => {
  const event = 'pull_request';
  const facts = () => database.as('owner').pullRequest.findFirstOrThrow({ where: { number: 10 } });
  await github(pull({ number: 10 }), { event });
  await readAll();
  assert.equal((await facts()).authorId, '5');

  await github(pull({ number: 10, title: 'relayed' }), { event });
  await database.as('owner').webhookDelivery.updateMany({
    where: { state: 'waiting' },
    data: { relayed: true },
  });
  await readAll();
  const { title, authorProvider, authorId, authorName } = await facts();
  assert.deepEqual([title, authorProvider, authorId, authorName], ['relayed', null, null, null]);
});

test('a title with NUL in it, which no text of the database holds, keeps no other delivery waiting', async () => {
  await github(pull({ title: 'a\0b', number: 8, user: { id: 5, login: 'da\0na' } }), {
    event: 'pull_request',
  });
  await github(push('shop/web'));
  assert.deepEqual(await readAll(), ['shop/web']);
  assert.equal((await lastDelivery()).state, 'handled');
  const facts = await database.as('owner').pullRequest.findFirstOrThrow({ where: { number: 8 } });
  assert.deepEqual([facts.title, facts.authorName], ['a\ufffdb', 'da\ufffdna']);
});

test('a closed pull request, a release and a deployment each ask for a run, once', async () => {
  const wishes = () => database.as('owner').runRequest.findMany({ orderBy: { createdAt: 'asc' } });
  const before = (await wishes()).length;
  const repository = { full_name: 'shop/web' };
  await github(pull({ state: 'closed', merged: true }, 'closed'), { event: 'pull_request' });
  await github(
    JSON.stringify({
      action: 'released',
      release: { tag_name: 'v1', prerelease: false, id: 1 },
      repository,
    }),
    { event: 'release' },
  );
  const deployment = { sha: 'c'.repeat(40), ref: 'main', environment: 'staging', task: 'deploy' };
  await github(JSON.stringify({ deployment, repository }), { event: 'deployment' });
  await readAll();
  await readAll();
  assert.deepEqual(
    (await wishes())
      .slice(before)
      .map(({ event, ref, commit, pullRequest, deployTo }) => [
        event,
        ref,
        commit,
        pullRequest,
        deployTo,
      ]),
    [
      ['pull_request_closed', 'refs/pull/7/head', 'b'.repeat(40), 7, null],
      ['release', 'refs/tags/v1', null, null, null],
      ['deployment', 'refs/heads/main', 'c'.repeat(40), null, 'staging'],
    ],
  );
});

test('a payload about another repository is refused, with both names', async () => {
  await github(push('mallory/web'));
  assert.deepEqual(await readAll(), []);
  const row = await lastDelivery();
  assert.equal(row.state, 'refused');
  assert.match(row.reason ?? '', /^repository-wrong: .*shop\/web.*"mallory\/web"/);
});

test('the installation’s hook finds the repository by the payload, and names one that is not built here', async () => {
  const options = { path: '/hooks/git/github', secret: installationSecret };
  await github(push('shop/web'), options);
  assert.deepEqual(await readAll(), ['shop/web']);
  await github(push('shop/unknown'), options);
  assert.deepEqual(await readAll(), []);
  assert.match((await lastDelivery()).reason ?? '', /^repository-unknown: "shop\/unknown"/);
});

test('refusals are counted by the hour with the address that the proxy in front names last, and a flood of them is one row', async () => {
  for (let i = 0; i < 20; i += 1) await github(push('shop/web'), { secret: 'wrong' });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const rows = await database.as('owner').webhookRefusal.findMany({
    where: { repository: 'shop/web', code: 'signature-wrong' },
  });
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  assert.ok(total >= 20 && rows.length <= 2, JSON.stringify(rows));
  assert.deepEqual([...new Set(rows.map(({ lastFrom }) => lastFrom))], ['198.51.100.7']);
});
