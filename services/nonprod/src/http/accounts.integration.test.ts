import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import { createMembership } from '../adapters/postgres/membership.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createRepositoryKeeping } from '../adapters/postgres/repository-store.ts';
import { createEvents } from '../events.ts';
import { keepPeople, type PeopleKeeping } from '../people-keeping.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { client, startForgeAccounts, type ForgeAccounts } from '../testing/forge-accounts.ts';
import { identityOf, silent, startTestWeb, type Browser, type TestWeb } from '../testing/web.ts';
import { accountRoutes } from './routes/accounts.tsx';
import { ownerRoutes } from './routes/owners.ts';

let directory: string;
let database: TestDatabase;
let web: TestWeb;
let github: ForgeAccounts;
let bitbucket: ForgeAccounts;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-accounts-'));
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  const clientSecretFile = join(directory, 'secret');
  await writeFile(clientSecretFile, `${client.secret}\n`);
  // The server takes its routes before its address is known, and the forges theirs after.
  let people: PeopleKeeping | null = null;
  const late = (): PeopleKeeping => {
    assert.ok(people);
    return people;
  };
  const accounts = {
    get forges() {
      return late().accounts.forges;
    },
    list: (person: string) => late().accounts.list(person),
    begin: (person: string, host: string) => late().accounts.begin(person, host),
    finish: (...wish: Parameters<PeopleKeeping['accounts']['finish']>) =>
      late().accounts.finish(...wish),
    unlink: (...wish: Parameters<PeopleKeeping['accounts']['unlink']>) =>
      late().accounts.unlink(...wish),
  };
  const events = createEvents(silent);
  const owners = { groups: createGroupStore(db), events, configured: 'shop/configured' };
  web = await startTestWeb(database, [...accountRoutes({ accounts }), ...ownerRoutes(owners)]);
  const callback = (host: string) => `${web.origin}/me/accounts/${host}/callback`;
  github = await startForgeAccounts('github', callback('github.com'));
  bitbucket = await startForgeAccounts('bitbucket', callback('bitbucket.org'));
  const forge = { clientId: client.id, clientSecretFile };
  people = keepPeople(
    { db, events },
    {
      origin: web.origin,
      repository: { name: 'shop/configured' },
      accountLinks: [
        { ...forge, provider: 'github', host: 'github.com', ...placeOf(github) },
        { ...forge, provider: 'bitbucket', host: 'bitbucket.org', ...placeOf(bitbucket) },
      ],
    },
  );
  for (const [name, cloneUrl] of [
    ['shop/web', 'https://github.com/shop/web.git'],
    ['shop/inside', 'https://ghe.example/shop/web.git'],
  ] as const) {
    await createRepositoryKeeping(database.as('nonprod_scheduler')).ensureConfigured(name, {
      ...{ url: cloneUrl, cloneUrl, provider: 'github', mainBranch: 'main', protectedRefs: [] },
      ...{ branches: [], buildLatest: false },
    });
    await owners.groups.set(name, { own: ['developers'], launch: ['support'] }, 'pat@example.com');
  }
});

after(async () => {
  await web.close();
  await github.close();
  await bitbucket.close();
  await database.close();
  await rm(directory, { recursive: true });
});

const placeOf = ({ url }: ForgeAccounts) => ({ site: url, api: `${url}/api` });
const isMember = (id: string, repository = 'shop/web') =>
  createMembership(database.as('nonprod_scheduler')).isMember(repository, {
    provider: 'github',
    id,
  });

async function person(name: string, groups: readonly string[]): Promise<Browser> {
  await createPersonStore(database.as('nonprod_web')).signedIn(identityOf(name, groups));
  return await web.signedIn(name, groups);
}

async function begin(browser: Browser, host = 'github.com'): Promise<string> {
  const { status, text } = await browser.post(`/me/accounts/${host}/link`, {});
  assert.equal(status, 200, text);
  const [, href = ''] = /href="(http[^"]+)">Go on/.exec(text) ?? [];
  return href.replaceAll('&amp;', '&');
}

/** Back from the forge: without the session first, as a strict cookie comes, then on from our own page. */
async function comeBack(browser: Browser, backUrl: string) {
  const back = backUrl.slice(web.origin.length);
  const hop = await web.send('GET', back, { accept: 'text/html' });
  assert.equal(hop.status, 200, hop.text);
  const [, href = ''] = /href="(\/me[^"]+)">Go on/.exec(hop.text) ?? [];
  return await browser.get(href.replaceAll('&amp;', '&'));
}

async function link(browser: Browser, user: object, forge = github, host = 'github.com') {
  return await comeBack(browser, forge.agree(await begin(browser, host), user));
}

test('whoever links an account is a member where a group of theirs owns the repository at that forge', async () => {
  assert.equal(await isMember('583231'), false);
  const dana = await person('dana@example.com', ['developers']);
  assert.equal((await link(dana, { id: 583231, login: 'dana' })).location, '/me/accounts');
  assert.match((await dana.get('/me/accounts')).text, /number 583231/);
  assert.equal(await isMember('583231'), true);
  assert.equal(await isMember('583231', 'shop/inside'), false, 'the same number at another forge');
  await person('dana@example.com', ['support']);
  assert.equal(await isMember('583231'), false, 'a launch grant makes no member');
  await person('dana@example.com', ['developers']);
  const db = database.as('owner');
  await db.$executeRaw`update person set seen_at = now() - interval '31 days' where id = 'dana@example.com'`;
  assert.equal(await isMember('583231'), false, 'not seen for 31 days');
});

test('an account that is renamed stays the same, and a new account with its old name is another', async () => {
  const noor = await person('noor@example.com', ['developers']);
  await link(noor, { id: 7001, login: 'noor' });
  await link(noor, { id: 7001, login: 'noor-renamed' });
  assert.equal(await isMember('7001'), true);
  assert.equal(await isMember('7002'), false);
  const rows = await database.as('owner').linkedAccount.findMany({ where: { account: '7001' } });
  assert.equal(rows.length, 1);
  const thief = await person('thief@example.com', []);
  await link(thief, { id: 7002, login: 'noor' });
  assert.equal(await isMember('7002'), false);
});

test('an account that is linked to somebody is linked to nobody else until it is unlinked', async () => {
  const lee = await person('lee@example.com', ['developers']);
  const max = await person('max@example.com', ['developers']);
  await link(lee, { id: 7100, login: 'lee' });
  const taken = await link(max, { id: 7100, login: 'lee' });
  assert.equal(taken.status, 409);
  assert.match(taken.text, /linked to another person here/);
  const unlink = { host: 'github.com', account: '7100' };
  assert.equal((await max.post('/me/accounts/unlink', unlink)).status, 404);
  assert.equal((await lee.post('/me/accounts/unlink', unlink)).status, 303);
  assert.equal(await isMember('7100'), false);
  assert.equal((await link(max, { id: 7100, login: 'lee' })).status, 303);
});

test('Bitbucket’s accounts are known by uuid', async () => {
  const kim = await person('kim@example.com', ['developers']);
  const uuid = '{d301aafa-d676-4ee0-a3be-8b94c681feaa}';
  const user = { uuid, display_name: 'Kim', nickname: 'kim' };
  assert.equal((await link(kim, user, bitbucket, 'bitbucket.org')).status, 303);
  const [identity] = await createMembership(database.as('nonprod_web')).identitiesOf(
    'kim@example.com',
  );
  assert.deepEqual(identity, { provider: 'bitbucket', id: uuid });
});

test('what one person began another cannot finish, nor anybody a second time or at another forge', async () => {
  const eve = await person('eve@example.com', []);
  const dana = await person('dana@example.com', ['developers']);
  const user = { id: 7200, login: 'x' };
  const forEve = github.agree(await begin(eve), user);
  assert.equal((await comeBack(dana, forEve)).status, 409);
  assert.equal((await comeBack(eve, forEve)).status, 409, 'spent by the attempt');
  const back = github.agree(await begin(eve), user);
  const elsewhere = back.replace('/github.com/', '/bitbucket.org/');
  assert.equal((await comeBack(eve, elsewhere)).status, 409);
  const good = github.agree(await begin(eve), user);
  assert.equal((await comeBack(eve, good)).status, 303);
  assert.equal((await comeBack(eve, good)).status, 409);
  assert.equal((await web.send('GET', `${good.slice(web.origin.length)}%0a`, {})).status, 409);
});

test('a code that was given for another linking is refused by its proof key', async () => {
  const eve = await person('eve@example.com', []);
  const theirs = new URL(github.agree(await begin(eve), { id: 7300, login: 'victim' }));
  const mine = new URL(github.agree(await begin(eve), { id: 7301, login: 'eve' }));
  mine.searchParams.set('code', theirs.searchParams.get('code') ?? '');
  const answer = await comeBack(eve, mine.toString());
  assert.equal(answer.status, 409);
  assert.match(answer.text, /vouches for no account/);
});

test('owners are set by the platform role, and those of the configured repository in the configuration', async () => {
  const call = async (browser: Browser, repository: string) =>
    await web.send('GET', `/api/v1/owners?repository=${repository}`, {
      cookie: browser.cookie,
      accept: 'application/json',
    });
  const pat = await person('pat@example.com', ['platform']);
  const read = await call(pat, 'shop/web');
  assert.deepEqual(JSON.parse(read.text), {
    repository: 'shop/web',
    own: ['developers'],
    launch: ['support'],
  });
  assert.equal((await call(pat, 'shop/none')).status, 404);
  const put = (browser: Browser, repository: string) =>
    web.send(
      'PUT',
      '/api/v1/owners',
      {
        cookie: browser.cookie,
        origin: web.origin,
        'sec-fetch-site': 'same-origin',
        'x-csrf-token': browser.csrfToken,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      JSON.stringify({ repository, own: ['developers', 'web'], launch: ['web', 'support'] }),
    );
  assert.equal((await put(await person('x@example.com', ['developers']), 'shop/web')).status, 403);
  assert.equal((await put(pat, 'shop/configured')).status, 409);
  assert.equal((await put(pat, 'shop/web')).status, 200);
  assert.deepEqual(await createGroupStore(database.as('nonprod_web')).groups('shop/web'), {
    own: ['developers', 'web'],
    launch: ['support'],
  });
});
