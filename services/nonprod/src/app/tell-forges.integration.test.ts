/** Commit statuses against a server that answers as the forges' documentation says. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Provider } from '@airlock/common/webhook/provider';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createTellForge } from '../adapters/forge/tell-status.ts';
import { createRepositoryKeeping } from '../adapters/postgres/repository-store.ts';
import { createStatusOutbox } from '../adapters/postgres/status-outbox.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { repository, startRun } from '../testing/fixtures.ts';
import { createTellForges } from './tell-forges.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

let directory: string;
let database: TestDatabase;
let server: Server;
let base: string;
let seen: { path: string; headers: IncomingHttpHeaders; body: Record<string, string> }[] = [];
let answer: { status: number; headers?: Record<string, string>; text?: string };

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-forge-'));
  writeFileSync(join(directory, 'token'), 'forge-token\n');
  database = await testDatabase(await testPostgres());
  server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const body = JSON.parse(text) as Record<string, string>;
      seen.push({ path: request.url ?? '', headers: request.headers, body });
      response.writeHead(answer.status, answer.headers).end(answer.text ?? '{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // What listens on a TCP port has an address with a port.
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await database.close();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => {
  seen = [];
  answer = { status: 201 };
  const owner = database.as('owner');
  await owner.commitStatus.deleteMany();
  await owner.run.updateMany({ data: { createdAt: new Date('2026-01-01T00:00:00Z') } });
});

async function tellAll(provider: Provider): Promise<void> {
  const db = database.as('nonprod_scheduler');
  await createRepositoryKeeping(db).ensureConfigured(repository.name, {
    url: repository.url,
    cloneUrl: 'https://git.example/shop/web.git',
    provider,
    mainBranch: 'main',
    protectedRefs: [],
    branches: [],
    buildLatest: false,
  });
  const tokenFile = join(directory, 'token');
  await createTellForges(
    {
      outbox: createStatusOutbox(db),
      forge: createTellForge([{ provider, host: 'git.example', api: `${base}/api`, tokenFile }]),
      events: createEvents(silent),
      signal: new AbortController().signal,
    },
    { origin: 'https://ci.example' },
  )();
}

async function newRun(state: string): Promise<{ id: string; commit: string }> {
  const run = await startRun(database);
  await database.as('owner').run.update({ where: { id: run.id }, data: { state } });
  return run;
}

const shapes: [
  provider: Provider,
  path: (commit: string) => string,
  header: [string, string],
  state: [key: string, value: string],
][] = [
  [
    'github',
    (commit) => `/api/repos/shop/web/statuses/${commit}`,
    ['authorization', 'Bearer forge-token'],
    ['context', 'airlock/build'],
  ],
  [
    'gitea',
    (commit) => `/api/repos/shop/web/statuses/${commit}`,
    ['authorization', 'token forge-token'],
    ['context', 'airlock/build'],
  ],
  [
    'gitlab',
    (commit) => `/api/projects/shop%2Fweb/statuses/${commit}`,
    ['private-token', 'forge-token'],
    ['name', 'airlock/build'],
  ],
  [
    'bitbucket',
    (commit) => `/api/repositories/shop/web/commit/${commit}/statuses/build`,
    ['authorization', 'Bearer forge-token'],
    ['key', 'airlock/build'],
  ],
  [
    'bitbucket-server',
    (commit) => `/api/build-status/1.0/commits/${commit}`,
    ['authorization', 'Bearer forge-token'],
    ['key', 'airlock/build'],
  ],
];
const failed: Record<Provider, string> = {
  ...{ github: 'failure', gitea: 'failure', gitlab: 'failed' },
  ...{ bitbucket: 'FAILED', 'bitbucket-server': 'FAILED' },
};
for (const [provider, path, [header, token], [key, name]] of shapes) {
  test(`${provider} is told of a failed run once, with a link to it`, async () => {
    const run = await newRun('failed');
    await tellAll(provider);
    await tellAll(provider);
    assert.equal(seen.length, 1);
    const [told] = seen;
    assert.equal(told?.path, path(run.commit));
    assert.equal(told.headers[header], token);
    assert.equal(told.body['state'], failed[provider]);
    assert.equal(told.body[key], name);
    assert.equal(told.body['target_url'] ?? told.body['url'], `https://ci.example/runs/${run.id}`);
  });
}

test('each change of a run is told, and a state that did not change is not', async () => {
  const run = await newRun('queued');
  const states: (string | undefined)[] = [];
  for (const state of ['queued', 'running', 'running', 'passed', 'passed']) {
    await database.as('owner').run.update({ where: { id: run.id }, data: { state } });
    seen = [];
    await tellAll('github');
    states.push(seen[0]?.body['state']);
  }
  assert.deepEqual(states, ['pending', undefined, undefined, 'success', undefined]);
});

test('a run that waits for room, and one that was not built, are told with why, in 140 characters', async () => {
  const limits = { runsAtOnce: 1, runsAPersonAnHour: null };
  await newRun('running');
  seen = [];
  const { id } = await startRun(database, { limits });
  await tellAll('github');
  const told = (): string =>
    seen.map(({ body }) => `${body['state']}: ${body['description']}`).at(-1) ?? '';
  assert.match(
    told(),
    /^pending: Run #\d+ waits until there is room\. Waits: \d+ runs of shop\/web are built or in line, and 1 may be at once\./,
  );
  const reason = `Not built: ${'much '.repeat(50)}`;
  await database.as('owner').run.update({ where: { id }, data: { state: 'failed', reason } });
  await tellAll('github');
  assert.match(told(), /^failure: Run #\d+ failed\. Not built: much much .*…$/);
  assert.equal(told().length, 'failure: '.length + 140);
});

test('what the forge does not take is tried again later, not before it says so, and then told', async () => {
  const run = await newRun('passed');
  answer = { status: 429, headers: { 'retry-after': '120' } };
  await tellAll('github');
  await tellAll('github');
  assert.equal(seen.length, 1);
  const row = await database.as('owner').commitStatus.findUniqueOrThrow({
    where: { runId: run.id },
  });
  assert.equal(row.told, null);
  assert.match(row.error ?? '', /answers 429/);
  const wait = row.nextAt.getTime() - Date.now();
  assert.ok(wait > 100_000 && wait <= 120_000, String(wait));
  answer = { status: 201 };
  await database.as('owner').commitStatus.updateMany({ data: { nextAt: new Date() } });
  await tellAll('github');
  assert.equal(seen.length, 2);
});

test('an answer that leads elsewhere is not followed, and the token does not go there', async () => {
  await newRun('passed');
  answer = { status: 307, headers: { location: `${base}/elsewhere` } };
  await tellAll('github');
  assert.deepEqual(
    seen.map(({ path }) => path.includes('elsewhere')),
    [false],
  );
});

test('GitLab’s refusal of the state that it has already counts as told', async () => {
  await newRun('running');
  answer = { status: 400, text: '{"message":"Cannot transition status via :run from :running"}' };
  await tellAll('gitlab');
  await tellAll('gitlab');
  assert.equal(seen.length, 1);
});

test('a repository at a host that is not configured is told nothing, and its row says why', async () => {
  const run = await newRun('passed');
  const db = database.as('nonprod_scheduler');
  await createTellForges(
    {
      outbox: createStatusOutbox(db),
      forge: createTellForge([]),
      events: createEvents(silent),
      signal: new AbortController().signal,
    },
    { origin: 'https://ci.example' },
  )();
  const row = await database.as('owner').commitStatus.findUniqueOrThrow({
    where: { runId: run.id },
  });
  assert.equal(row.error, 'no forge is configured for this repository');
});
