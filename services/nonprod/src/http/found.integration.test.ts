/** An organisation at a forge, from its list to what is built: the scheduler's look, the page and the command. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { registerSources } from '@airlock/cli/commands/sources';
import { runVerb } from '@airlock/cli/testing/run-verb';
import { matchesGlob } from '@airlock/pipeline/glob';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createForgeLister } from '../adapters/forge/list-repositories.ts';
import { createFoundStore } from '../adapters/postgres/found-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createSightStore } from '../adapters/postgres/sight-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createFindRepositories } from '../app/find-repositories.ts';
import type { AddingRule } from '../domain/found-repository.ts';
import { createEvents } from '../events.ts';
import { createFoundEvents } from '../found-events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { identityOf, silent, startTestWeb, viewerOf, type TestWeb } from '../testing/web.ts';
import { apiRoutes } from './routes/api.ts';
import { foundRoutes } from './routes/found.tsx';

const source = 'forge.example/shop';
const from = ['https://forge.example/shop/'];

let database: TestDatabase;
let web: TestWeb;
let directory: string;
let api: string;
let clock = new Date('2026-11-23T10:00:00Z');
let answer: { status: number; headers?: Record<string, string>; body: unknown };
const rung: string[] = [];
const told: string[] = [];

const forge = createServer((_request, response) => {
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
  response.end(JSON.stringify(answer.body));
});
const listed = (id: number, name: string, change: object = {}) => ({
  ...{ id, full_name: `shop/${name}`, clone_url: `https://forge.example/shop/${name}.git` },
  ...{ default_branch: 'main', archived: false, private: false },
  // What an attacker at the forge might hope is read.
  ...{ pool: 'main', secrets: ['TOKEN'], approvals: 0, topics: ['pool=main'] },
  ...change,
});

before(async () => {
  database = await testDatabase(await testPostgres());
  directory = await mkdtemp(join(tmpdir(), 'airlock-found-'));
  await writeFile(join(directory, 'token'), 'read-token');
  await new Promise<void>((resolve) => forge.listen(0, '127.0.0.1', resolve));
  api = `http://127.0.0.1:${(forge.address() as AddressInfo).port}`;

  const db = database.as('nonprod_web');
  const making = createApiTokens({
    ...{ events: createEvents(silent), newId, resolveViewer: viewerOf },
    tokens: createTokenStore(db),
    clock: () => new Date(),
  });
  const found = foundRoutes({
    ...{ store: createFoundStore(db), from, events: createFoundEvents(silent) },
    onAdded: (repository) => rung.push(repository),
  });
  const own = apiRoutes({
    ...{ queries: createPageQueries(db), sight: createSightStore(db) },
    askPromotion: () => Promise.reject(new Error('no verb here asks')),
  });
  const routes = [...own, ...found];
  web = await startTestWeb(database, routes, { tokens: making.door });
  const identity = identityOf('pat@example.com', ['platform']);
  await createPersonStore(db).signedIn(identity);
  const made = await making.make(
    identity.nameId,
    { name: 'cli', scopes: ['read', 'admin'], days: 1, networks: [] },
    true,
  );
  process.env['AIRLOCK_NONPROD'] = web.origin;
  process.env['AIRLOCK_TOKEN'] = made?.token ?? '';
  await createFoundStore(database.as('nonprod_scheduler')).ensureSources([
    { name: source, provider: 'github' },
  ]);
});
after(async () => {
  delete process.env['AIRLOCK_NONPROD'];
  delete process.env['AIRLOCK_TOKEN'];
  await web.close();
  await database.close();
  forge.close();
  await rm(directory, { recursive: true });
});

const airlock = (...args: string[]): Promise<string[]> => runVerb(registerSources, args);

/** The scheduler looks once, as its own role, at what the forge lists then. */
async function look(body: unknown, rules: readonly AddingRule[] = []): Promise<void> {
  if (Array.isArray(body)) answer = { status: 200, body };
  const log = createLog('test');
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    log[level] = (event, fields) => {
      told.push(
        `${event} ${String(fields?.['airlock.forge.path'] ?? fields?.['airlock.repository'])}`,
      );
    };
  }
  const tokenFile = join(directory, 'token');
  const settings = { provider: 'github', host: 'forge.example', api, tokenFile } as const;
  told.length = 0;
  await createFindRepositories(
    {
      lister: createForgeLister({ ...settings, organisation: 'shop', add: [] }, () => clock),
      store: createFoundStore(database.as('nonprod_scheduler')),
      events: createFoundEvents(log),
      matches: matchesGlob,
      clock: () => clock,
      signal: new AbortController().signal,
      onAdded: (repository) => rung.push(repository),
    },
    { source, rules, from },
  )();
}
const states = async (): Promise<string[]> =>
  (await airlock('repo', 'discover')).slice(1).map((line) => line.trim().replaceAll(/ +/g, ' '));

test('what the forge lists is found, and nothing of it is built before somebody or a rule says so', async () => {
  await look([listed(1, 'web'), listed(2, 'vault', { private: true })]);
  assert.deepEqual(told, ['repository.found-new shop/web', 'repository.found-new shop/vault']);
  assert.deepEqual(await states(), ['new shop/vault private', 'new shop/web']);
  assert.equal(await database.as('owner').repository.count(), 0);
});

test('a rule adds what fits, with no pool, no secret and nothing else that the forge says of it', async () => {
  rung.length = 0;
  await look(
    [listed(1, 'web'), listed(2, 'vault', { private: true })],
    [{ paths: 'shop/*', owners: [] }],
  );
  assert.deepEqual(told, ['repository.added shop/web']);
  assert.deepEqual(rung, ['shop/web']);
  assert.deepEqual(await states(), [
    'new shop/vault private shop/vault is private at the forge; name the groups that own it here.',
    'built shop/web built as shop/web',
  ]);
  const owner = database.as('owner');
  const row = await owner.repository.findUniqueOrThrow({
    where: { name: 'shop/web' },
    omit: { createdAt: true },
  });
  assert.deepEqual(row, {
    ...{ name: 'shop/web', url: 'https://forge.example/shop/web.git', mainBranch: 'main' },
    ...{ cloneUrl: 'https://forge.example/shop/web.git', provider: 'github', private: false },
    ...{ protectedRefs: [], branches: [], labels: [], buildLatest: false, hookGeneration: 1 },
    ...{ configured: false, addedBy: 'configuration', lookedAt: null, failing: null },
  });
  assert.deepEqual(await owner.poolGrant.findMany({ where: { repository: 'shop/web' } }), []);
  assert.deepEqual(await owner.repositoryGroup.findMany({ where: { repository: 'shop/web' } }), []);
});

test('the platform role picks on the page; what is private there has owners and is private here', async () => {
  const dana = await web.signedIn('dana@example.com', ['developers']);
  assert.equal((await dana.get('/found')).status, 403);
  const pick = `${source} 2`;
  assert.equal((await dana.post('/found', { pick, owners: 'vault team' })).status, 403);

  const pat = await web.signedIn('pat@example.com', ['platform']);
  assert.match((await pat.get('/found')).text, /shop\/vault/);
  const refused = await pat.post('/found', { pick, owners: ' \r\n' });
  assert.equal(refused.status, 409);
  assert.match(refused.text, /name the groups that own it here/);
  assert.equal(await database.as('owner').repository.count(), 1);

  const picked = await pat.post('/found', { pick, owners: 'vault team\r\n' });
  assert.deepEqual([picked.status, picked.location], [303, '/repos/shop/vault']);
  const sight = createSightStore(database.as('nonprod_web'));
  assert.deepEqual(await sight.hiddenFrom({ groups: ['developers'], roles: [] }), ['shop/vault']);
  assert.deepEqual(await sight.hiddenFrom({ groups: ['vault team'], roles: [] }), []);
  assert.equal((await pat.post('/found', { pick, owners: 'vault team' })).status, 409);
});

test('renamed, archived and gone are shown; another one at the old address is not taken for it', async () => {
  await look([listed(1, 'shop-front'), listed(66, 'web'), listed(3, 'shelf', { archived: true })]);
  assert.deepEqual(told, [
    'repository.found-renamed shop/shop-front',
    'repository.found-new shop/web',
    'repository.found-new shop/shelf',
    'repository.found-gone shop/vault',
  ]);
  assert.deepEqual(await states(), [
    'archived shop/shelf',
    'renamed shop/shop-front was shop/web built as shop/web',
    'gone shop/vault private built as shop/vault',
    'replaced shop/web',
  ]);
  await assert.rejects(airlock('repo', 'discover', 'shop/web', '--add'), /already/);
  await assert.rejects(airlock('repo', 'discover', 'shop/shelf', '--add'), /archived/);
  const pat = await web.signedIn('pat@example.com', ['platform']);
  assert.match((await pat.get('/found')).text, /built under that one’s name/);
});

test('a list that cannot be had whole changes nothing and says why; a limit is waited for', async () => {
  const before = await states();
  answer = { status: 404, body: { message: 'Not Found' } };
  await assert.rejects(look(null), /answers 404/);
  assert.match((await airlock('repo', 'discover'))[0] ?? '', /answers 404.*token/);
  assert.deepEqual(await states(), before);

  answer = { status: 429, headers: { 'retry-after': '600' }, body: {} };
  await look(null);
  assert.match((await airlock('repo', 'discover'))[0] ?? '', /wait until 2026-11-23T10:10:00/);
  const next = [listed(1, 'shop-front'), listed(4, 'late')];
  clock = new Date('2026-11-23T10:09:59Z');
  await look(next);
  assert.deepEqual(await states(), before);
  clock = new Date('2026-11-23T10:10:00Z');
  await look(next);
  assert.ok((await states()).includes('new shop/late'));
});

test('the command adds by path what it means by id, and refuses what nobody found', async () => {
  assert.deepEqual(await airlock('repo', 'discover', 'shop/late', '--add', '--owner', 'web-team'), [
    'shop/late is built; airlock repo renew-hook shop/late makes its webhook',
  ]);
  const groups = await database.as('owner').repositoryGroup.findMany({
    where: { repository: 'shop/late' },
  });
  assert.deepEqual(
    groups.map(({ groupName, grants, setBy }) => [groupName, grants, setBy]),
    [['web-team', 'own', 'pat@example.com']],
  );
  await assert.rejects(airlock('repo', 'discover', 'shop/none', '--add'), /expected one of those/);
});

test('an organisation that the configuration names no more is looked at and offered no more', async () => {
  const store = createFoundStore(database.as('nonprod_scheduler'));
  await store.ensureSources([]);
  assert.deepEqual(await airlock('repo', 'discover'), ['no organisation is looked at']);
  const pat = await web.signedIn('pat@example.com', ['platform']);
  const answered = await pat.post('/found', { pick: `${source} 66`, owners: '' });
  assert.match(answered.text, /Nothing of that id was found/);
});
