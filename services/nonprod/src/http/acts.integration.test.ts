import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import { testPostgres } from '@airlock/testkit/stack';
import { HttpError } from '@airlock/web/problem';
import { route } from '@airlock/web/route';
import { z } from 'zod';
import { createActStore } from '../adapters/postgres/act-store.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import type { ActFilter, ActStore, WrittenAct } from '../app/act-ports.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { identityOf, silent, startTestWeb, viewerOf, type TestWeb } from '../testing/web.ts';
import { actRoutes } from './routes/acts.tsx';

let database: TestDatabase;
let web: TestWeb;
let store: ActStore;
let tokens: ReturnType<typeof createApiTokens>;
/** Set by the test that is about it. */
let isBookAway = false;
const done: string[] = [];

const all: ActFilter = { person: null, object: null, day: null, before: null };

before(async () => {
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  store = createActStore(db);
  tokens = createApiTokens({
    ...{ events: createEvents(silent), resolveViewer: viewerOf, tokens: createTokenStore(db) },
    newId: (prefix) => formatId(prefix, randomBytes(10)),
    clock: () => new Date(),
  });
  const keep = route({
    name: 'keep-thing',
    method: 'post',
    path: '/things/:name/keep',
    access: 'role:developer',
    scope: 'admin',
    summary: 'Keeping a thing',
    body: z.object({ repository: z.string(), value: z.string() }),
    handle(_request, response, _context, { value }) {
      if (value === 'no') throw new HttpError('refused', 'Not that.');
      if (value === 'crash') throw new Error('it broke');
      done.push(value);
      response.redirect(303, '/');
    },
  });
  const routes = [keep, ...actRoutes(store)];
  const acts: ActStore = {
    ...store,
    begin: (act, fields) =>
      isBookAway ? Promise.reject(new Error('no database')) : store.begin(act, fields),
  };
  web = await startTestWeb(database, routes, { acts, tokens: tokens.door });
});
after(async () => {
  await web.close();
  await database.close();
});

/** The answer is sent before its outcome is written down. */
async function settled(person: string): Promise<readonly WrittenAct[]> {
  for (let tries = 0; ; tries += 1) {
    const acts = await store.list({ ...all, person }, 100);
    if (acts.every(({ end }) => end !== 'open') || tries === 100) return acts;
    await sleep(20);
  }
}

test('what is done, refused, malformed or fails is written down with who, what, from where, and no value', async () => {
  const dana = await web.signedIn('dana@example.com', ['developers']);
  for (const value of ['hunter2', 'no', 'crash']) {
    await dana.post('/things/lamp/keep', { repository: 'shop/web', value });
  }
  await dana.post('/things/lamp/keep', { repository: 'shop/web' });
  const acts = await settled('dana@example.com');
  assert.deepEqual(
    acts.map(({ deed, path, object, end, status, code, token }) => [
      ...[deed, path, object, end, status, code, token],
    ]),
    [
      ['refused', 400, 'request-malformed'],
      ['failed', 500, 'internal'],
      ['refused', 409, 'refused'],
      ['done', 303, null],
    ].map((outcome) => ['keep-thing', '/things/lamp/keep', 'shop/web', ...outcome, null]),
  );
  assert.ok(acts.every(({ address }) => address === '127.0.0.1'));
  assert.doesNotMatch(JSON.stringify(acts), /hunter2/);
});

test('who lacks the role is written down too, and a token by its id', async () => {
  const guest = await web.signedIn('guest@example.com', ['guests']);
  const { status } = await guest.post('/things/lamp/keep', { repository: 'shop/web', value: 'x' });
  assert.equal(status, 403);
  const [tried] = await settled('guest@example.com');
  assert.deepEqual([tried?.end, tried?.code], ['refused', 'group-missing']);

  const leo = identityOf('leo@example.com', ['developers']);
  await createPersonStore(database.as('nonprod_web')).signedIn(leo);
  const wish = { name: 'script', scopes: ['admin' as const], days: 1, networks: [] };
  const made = await tokens.make(leo.nameId, wish, false);
  assert.ok(made);
  const headers = { authorization: `Bearer ${made.token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ repository: 'shop/web', value: 'by program' });
  assert.equal((await web.send('POST', '/things/lamp/keep', headers, body)).status, 303);
  const [act] = await settled(leo.nameId);
  assert.deepEqual([act?.token, act?.end], [made.id, 'done']);
});

test('what cannot be written down is not done', async () => {
  const dana = await web.signedIn('dana@example.com', ['developers']);
  isBookAway = true;
  const { status } = await dana.post('/things/lamp/keep', { repository: 'a', value: 'unseen' });
  isBookAway = false;
  assert.equal(status, 500);
  assert.ok(!done.includes('unseen'));
});

test('no row is changed or removed, by the service or by the owner of the schema', async () => {
  const dana = await web.signedIn('dana@example.com', ['developers']);
  await dana.post('/things/lamp/keep', { repository: 'shop/web', value: 'kept' });
  await settled('dana@example.com');
  for (const role of ['nonprod_web', 'nonprod_scheduler', 'owner'] as const) {
    for (const statement of [
      `update act set person = 'mallory'`,
      'delete from act_outcome',
      'update act_outcome set status = 200',
      'delete from act',
      'truncate act cascade',
    ]) {
      await assert.rejects(
        database.as(role).$executeRawUnsafe(statement),
        /permission denied|must be owner|stays written down/,
        `${role}: ${statement}`,
      );
    }
  }
});

test('the platform role looks up acts by person, object and day, page by page, and others do not', async () => {
  const dana = await web.signedIn('dana@example.com', ['developers']);
  const pat = await web.signedIn('pat@example.com', ['platform']);
  const finder = await web.signedIn('finder@example.com', ['developers']);
  await finder.post('/things/needle/keep', { repository: 'shop/hay', value: 'x' });
  await settled('finder@example.com');
  const page = await pat.get('/audit?person=finder%40example.com');
  assert.match(page.text, /keep thing: shop\/hay/);
  assert.doesNotMatch(page.text, /dana@example\.com/);
  const found = async (query: string): Promise<string[]> => {
    const { status, text } = await pat.get(`/api/v1/audit?${query}`);
    assert.equal(status, 200, text);
    const { acts } = z
      .object({ acts: z.array(z.object({ id: z.string(), person: z.string() })) })
      .parse(JSON.parse(text));
    return acts.map(({ person, id }) => `${person} ${id}`);
  };
  const [needle, ...others] = await found('object=needle');
  assert.match(needle ?? '', /^finder@example\.com /);
  assert.deepEqual(others, []);
  const today = new Date().toISOString().slice(0, 10);
  assert.ok((await found(`day=${today}`)).length > 1);
  assert.deepEqual(await found('day=2020-02-29'), []);
  const id = needle?.split(' ')[1] ?? '';
  assert.deepEqual(await found(`object=needle&before=${id}`), []);
  for (const query of ['day=yesterday', 'day=2026-02-30', 'before=x']) {
    assert.equal((await pat.get(`/api/v1/audit?${query}`)).status, 400, query);
  }
  assert.equal((await dana.get('/audit')).status, 403);
  assert.equal((await dana.get('/api/v1/audit')).status, 403);
});
