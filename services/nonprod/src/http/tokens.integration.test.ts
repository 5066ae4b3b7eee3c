import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { route } from '@airlock/web/route';
import { testPostgres } from '@airlock/testkit/stack';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { identityOf, silent, startTestWeb, viewerOf, type TestWeb } from '../testing/web.ts';
import { tokenRoutes } from './routes/tokens.tsx';

let database: TestDatabase;
let web: TestWeb;
let now = new Date();

/** One route of each kind that a token may or may not call. */
const probes = [
  ['read-things', 'get', '/api/v1/things', 'signed-in', 'read'],
  ['start-thing', 'post', '/api/v1/things', 'role:developer', 'run'],
  ['show-things', 'get', '/things', 'signed-in', undefined],
] as const;

before(async () => {
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  const people = createPersonStore(db);
  const tokens = createApiTokens({
    ...{ events: createEvents(silent), newId, resolveViewer: viewerOf },
    tokens: createTokenStore(db),
    clock: () => now,
  });
  await people.signedIn(identityOf('dana@example.com', ['developers']));
  web = await startTestWeb(
    database,
    [
      ...tokenRoutes({ tokens }),
      ...probes.map(([name, method, path, access, scope]) =>
        route({
          ...{ name, method, path, access, summary: name },
          ...(scope === undefined ? {} : { scope }),
          handle(_request, response, { viewer }) {
            response.json({ by: viewer?.id });
          },
        }),
      ),
    ],
    { tokens: tokens.door, signedIn: (identity) => people.signedIn(identity) },
  );
});

after(async () => {
  await web.close();
  await database.close();
});

const call = (method: string, path: string, token: string) =>
  web.send(method, path, { authorization: `Bearer ${token}`, accept: 'application/json' });

async function made(fields: Record<string, string>): Promise<string> {
  const dana = await web.signedIn('dana@example.com', ['developers']);
  const answer = await dana.post('/me/tokens', { name: 'nightly', days: '7', ...fields });
  assert.equal(answer.status, 200, answer.text);
  const token = /alk_[\w-]{43}/.exec(answer.text)?.[0];
  assert.ok(token);
  return token;
}

test('a token does what it is for in the name of its owner, without a cookie or a form’s token', async () => {
  const token = await made({ 'scope-read': 'on', 'scope-run': 'on' });
  const read = await call('GET', '/api/v1/things', token);
  assert.deepEqual([read.status, read.text], [200, '{"by":"dana@example.com"}']);
  assert.equal((await call('POST', '/api/v1/things', token)).status, 200);
});

test('a token is refused where its scope is missing, where people alone may go, and for making tokens', async () => {
  const token = await made({ 'scope-read': 'on' });
  for (const [method, path] of [
    ['POST', '/api/v1/things'],
    ['GET', '/things'],
    ['GET', '/api/v1/tokens'],
    ['POST', '/api/v1/tokens'],
  ] as const) {
    const { status, text } = await call(method, path, token);
    assert.equal(status, 403, `${method} ${path}`);
    assert.match(text, /"code":"scope-missing"/);
  }
});

test('a token can do no more than its owner may by then', async () => {
  const token = await made({ 'scope-run': 'on' });
  await createPersonStore(database.as('nonprod_web')).signedIn(identityOf('dana@example.com', []));
  const { status, text } = await call('POST', '/api/v1/things', token);
  assert.equal(status, 403);
  assert.match(text, /"code":"group-missing"/);
  await createPersonStore(database.as('nonprod_web')).signedIn(
    identityOf('dana@example.com', ['developers']),
  );
  assert.equal((await call('POST', '/api/v1/things', token)).status, 200);
});

test('a token ends at its time, when it is revoked, and away from its networks', async () => {
  const token = await made({ 'scope-read': 'on' });
  const elsewhere = await made({ 'scope-read': 'on', networks: '10.1.0.0/16\n2001:db8::/32' });
  assert.equal((await call('GET', '/api/v1/things', elsewhere)).status, 401);
  now = new Date(Date.now() + 8 * 86_400_000);
  assert.equal((await call('GET', '/api/v1/things', token)).status, 401);
  now = new Date();
  const dana = await web.signedIn('dana@example.com', ['developers']);
  const page = await dana.get('/me/tokens');
  for (const [, id = ''] of page.text.matchAll(/\/me\/tokens\/(tok_\w+)\/revoke/g)) {
    assert.equal((await dana.post(`/me/tokens/${id}/revoke`, {})).status, 303);
  }
  const refused = await call('GET', '/api/v1/things', token);
  assert.equal(refused.status, 401);
  assert.match(refused.text, /"code":"token-refused"/);
});

test('nobody revokes another’s token, and a wrong token beside a good session is refused', async () => {
  const token = await made({ 'scope-read': 'on' });
  const dana = await web.signedIn('dana@example.com', ['developers']);
  const [id] = /tok_\w{10}/.exec((await dana.get('/me/tokens')).text) ?? [];
  const noor = await web.signedIn('noor@example.com', ['developers']);
  assert.equal((await noor.post(`/me/tokens/${String(id)}/revoke`, {})).status, 404);
  assert.equal((await call('GET', '/api/v1/things', token)).status, 200);
  assert.equal((await call('GET', '/api/v1/things', `${token.slice(0, -1)}~`)).status, 401);
});

test('the database keeps no token', async () => {
  const token = await made({ 'scope-read': 'on' });
  const rows = await database.as('owner').apiToken.findMany();
  assert.ok(rows.length > 0);
  assert.ok(!JSON.stringify(rows).includes(token.slice(4)));
});

test('whoever guesses tokens is slowed down', async () => {
  const statuses = new Set<number>();
  for (let guess = 0; guess < 70; guess += 1) {
    statuses.add(
      (await call('GET', '/api/v1/things', `alk_${String(guess).padStart(43, '0')}`)).status,
    );
  }
  assert.deepEqual([...statuses].sort(), [401, 429]);
});
