import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { hashOf } from '@airlock/web/session';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { silent, type Browser, type TestWeb } from '../testing/web.ts';
import { startElevationWeb } from '../testing/elevation-web.ts';

let database: TestDatabase;
let web: TestWeb;

before(async () => {
  database = await testDatabase(await testPostgres());
  web = await startElevationWeb(database, ['pat'], silent);
});

after(async () => {
  await web.close();
  await database.close();
});

const pat = () => web.signedIn('pat@example.com', ['platform']);
/** What was taken up a while ago in the session of a browser. */
async function insertBegun(
  { cookie }: Browser,
  { minutesAgo, minutes }: { readonly minutesAgo: number; readonly minutes: number },
): Promise<void> {
  const session = hashOf(cookie.slice(cookie.indexOf('=') + 1));
  await database.as('nonprod_web').$executeRaw`
    insert into elevation (sid_hash, person, reason, began_at, ends_at)
    select ${session}, 'pat@example.com', 'earlier', began, began + make_interval(mins => ${minutes}::int)
    from (select now() - make_interval(mins => ${minutesAgo}::int) as began) as it`;
}

const wish = { reason: 'a pool for the new builders', minutes: '30', returnTo: '/things' };

test('an administrator is refused what administrators do until they say why, and led there and back', async () => {
  const browser = await pat();
  const refused = await browser.post('/things/lamp', {});
  assert.equal(refused.status, 403);
  assert.match(refused.text, /Become administrator first/);
  assert.match(refused.text, /href="\/me\/administrator\?returnTo=/);
  const page = await browser.get('/me/administrator?returnTo=%2Fthings');
  assert.match(page.text, /name="returnTo" value="\/things"/);
  const taken = await browser.post('/me/administrator', wish);
  assert.deepEqual([taken.status, taken.location], [303, '/things']);
  assert.equal((await browser.post('/things/lamp', {})).status, 200);
});

test('every page says how long somebody is administrator still, to them and to the others who may be one', async () => {
  const browser = await pat();
  await browser.post('/me/administrator', wish);
  const { text } = await browser.get('/things');
  assert.match(text, /You are administrator for another (29|30) minutes\./);
  assert.match(text, /<a href="\/me\/administrator">End it<\/a>/);
  const other = await web.signedIn('oke@example.com', ['platform']);
  const told = await other.get('/things');
  assert.match(told.text, /pat@example\.com is administrator for another (29|30) minutes\./);
  assert.match(told.text, /a pool for the new builders/);
  const dana = await web.signedIn('dana@example.com', ['developers']);
  assert.doesNotMatch((await dana.get('/things')).text, /administrator for another/);
  const list = await other.get('/me/administrator');
  assert.match(list.text, /a pool for the new builders/);
});

test('it holds in the session that it was taken up in, and in no other of the same person', async () => {
  const [one, two] = [await pat(), await pat()];
  await one.post('/me/administrator', wish);
  assert.equal((await one.post('/things/lamp', {})).status, 200);
  assert.equal((await two.post('/things/lamp', {})).status, 403);
});

test('it ends when its holder says so, at its time, and when its holder signs out', async () => {
  const browser = await pat();
  await browser.post('/me/administrator', wish);
  assert.equal((await browser.post('/me/administrator/end', {})).status, 303);
  assert.equal((await browser.post('/things/lamp', {})).status, 403);

  await insertBegun(browser, { minutesAgo: 29, minutes: 30 });
  assert.equal((await browser.post('/things/lamp', {})).status, 200);
  await browser.post('/me/administrator/end', {});
  await insertBegun(browser, { minutesAgo: 31, minutes: 30 });
  assert.equal((await browser.post('/things/lamp', {})).status, 403);

  await browser.post('/me/administrator', wish);
  assert.equal((await browser.post('/things/lamp', {})).status, 200);
  await browser.post('/auth/sign-out', {});
  assert.equal((await browser.post('/things/lamp', {})).status, 401);
});

test('without a reason, for longer than an hour, and for those who administer nothing it is refused', async () => {
  const browser = await pat();
  for (const [field, value] of [
    ['reason', '    '],
    ['minutes', '61'],
    ['minutes', 'NaN'],
  ] as const) {
    const { status } = await browser.post('/me/administrator', { ...wish, [field]: value });
    assert.equal(status, 400, `${field} ${value}`);
  }
  assert.equal((await browser.post('/things/lamp', {})).status, 403);
  const dana = await web.signedIn('dana@example.com', ['developers']);
  assert.equal((await dana.post('/me/administrator', wish)).status, 403);
  assert.equal((await dana.get('/me/administrator')).status, 403);
});

test('nobody is led to another site', async () => {
  const browser = await pat();
  for (const returnTo of ['https://evil.example/', '//evil.example', '/\\evil.example']) {
    const { location } = await browser.post('/me/administrator', { ...wish, returnTo });
    assert.equal(location, '/me/administrator');
  }
});

test('the web process cannot prolong what was taken up, and the database keeps none longer than an hour', async () => {
  await (await pat()).post('/me/administrator', wish);
  await assert.rejects(
    database.as('nonprod_web').$executeRaw`update elevation set ends_at = now() + interval '1 day'`,
    /permission denied/,
  );
  await assert.rejects(insertBegun(await pat(), { minutesAgo: 0, minutes: 61 }), /elevation_check/);
});

test('a token is an administrator’s only if its owner was one when they made it, for a day at most, and makes nobody one', async () => {
  const browser = await pat();
  const make = async (): Promise<string> => {
    const fields = { name: 'pools', days: '1', 'scope-admin': 'on' };
    const { text } = await browser.post('/me/tokens', fields);
    return /alk_[\w-]{43}/.exec(text)?.[0] ?? assert.fail(text);
  };
  const call = (path: string, token: string) =>
    web.send('POST', path, { authorization: `Bearer ${token}`, accept: 'application/json' });
  const plain = await make();
  await browser.post('/me/administrator', wish);
  const elevated = await make();
  const { status, text } = await call('/things/lamp', plain);
  assert.equal(status, 403);
  assert.match(text, /"code":"elevation-required"/);
  assert.equal((await call('/things/lamp', elevated)).status, 200);
  const longer = { name: 'pools', days: '2', 'scope-read': 'on' };
  const refused = await browser.post('/me/tokens', longer);
  assert.equal(refused.status, 409);
  assert.match(refused.text, /lives at most a day/);
  await browser.post('/me/administrator/end', {});
  assert.match((await browser.post('/me/tokens', longer)).text, /alk_[\w-]{43}/);
  const tried = await call('/api/v1/me/administrator', elevated);
  assert.equal(tried.status, 403);
  assert.match(tried.text, /"code":"scope-missing"/);
});
