import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { z } from 'zod';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import { createSightStore } from '../adapters/postgres/sight-store.ts';
import { createVariableStore } from '../adapters/postgres/variable-store.ts';
import { createSetVariable, mostVariables } from '../app/manage-variables.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { repository, startRun } from '../testing/fixtures.ts';
import { startTestWeb, type Answer, type Browser, type TestWeb } from '../testing/web.ts';
import { heedOwners } from './heed-owners.ts';
import { heedSight } from './heed-sight.ts';
import { variableRoutes } from './routes/variables.tsx';

let database: TestDatabase;
let web: TestWeb;
let dana: Browser;
let pat: Browser;

/** Put together here, so that no scanner of this repository finds one. */
const secret = ['ghp_', 'a1B2c3D4e5'.repeat(4)].join('');

before(async () => {
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  const variables = createVariableStore(db);
  const groups = createGroupStore(db);
  const routes = variableRoutes({
    variables,
    setVariable: createSetVariable(variables),
    signed: repository.name,
  });
  web = await startTestWeb(database, heedSight(heedOwners(routes, groups), createSightStore(db)));
  await startRun(database);
  dana = await web.signedIn('dana@example.com', ['developers', 'web-team']);
  pat = await web.signedIn('pat@example.com', ['platform']);
});
after(async () => {
  await web.close();
  await database.close();
});

const own = (who: Browser, fields: Readonly<Record<string, string>>): Promise<Answer> =>
  who.post('/variables', { repository: repository.name, ...fields });

async function listed(who: Browser): Promise<unknown[]> {
  const { text } = await who.get('/api/v1/variables?repository=shop%2Fweb');
  const { variables } = z
    .object({
      variables: z.array(z.object({ name: z.string(), value: z.string(), hides: z.unknown() })),
    })
    .parse(JSON.parse(text));
  return variables;
}

test('a repository’s value hides the one for all until it is removed, and everybody reads both', async () => {
  assert.equal((await pat.post('/global-variables', { name: 'REGION', value: 'eu' })).status, 303);
  assert.equal((await own(dana, { name: 'REGION', value: '<us>' })).status, 303);
  const guest = await web.signedIn('guest@example.com', ['guests']);
  assert.deepEqual(await listed(guest), [{ name: 'REGION', value: '<us>', hides: 'eu' }]);
  const page = await guest.get('/variables?repository=shop%2Fweb');
  assert.match(page.text, /Visible to everyone who signs in/);
  assert.match(page.text, /&lt;us>/);
  assert.match(page.text, /in place of eu/);
  assert.match(page.text, /Pushes to the main branch of shop\/web are given none/);
  const fields = { repository: repository.name, name: 'REGION' };
  assert.equal((await dana.post('/variables/remove', fields)).status, 303);
  assert.deepEqual(await listed(guest), [{ name: 'REGION', value: 'eu', hides: null }]);
  assert.equal((await dana.post('/variables/remove', fields)).status, 404);
});

test('what looks like a secret is refused with the way out, and kept only with a reason that stays on record', async () => {
  const refused = await own(dana, { name: 'NOTE', value: secret });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /a token of GitHub/);
  assert.match(refused.text, /Make it a secret at \/secrets/);
  assert.ok(!refused.text.includes(secret));
  assert.ok(!JSON.stringify(await listed(dana)).includes(secret));
  const publicBecause = 'an example of a document';
  assert.equal((await own(dana, { name: 'NOTE', value: secret, publicBecause })).status, 303);
  const changes = await database.as('nonprod_web').variableChange.findMany({
    where: { name: 'NOTE' },
    omit: { id: true, changedAt: true },
  });
  assert.deepEqual(changes, [
    {
      ...{ scope: 'shop/web', name: 'NOTE', change: 'set', publicBecause },
      ...{ lookedLike: 'a token of GitHub', changedBy: 'dana@example.com' },
    },
  ]);
  for (const role of ['nonprod_web', 'owner'] as const) {
    await assert.rejects(
      database.as(role).$executeRawUnsafe('delete from variable_change'),
      /permission denied|stays written down/,
    );
  }
});

test('names that loaders and shells act on, and those that Airlock sets, are refused', async () => {
  for (const name of ['LD_PRELOAD', 'PATH', 'CI_COMMIT_SHA', 'AIRLOCK_X', 'lower', '', 'A-B']) {
    assert.equal((await own(dana, { name, value: 'x' })).status, 400, name);
  }
});

test('no more than the most are kept, and of those that are there each may still be changed', async () => {
  const variables = createVariableStore(database.as('nonprod_web'));
  const person = 'dana@example.com';
  const there = (await variables.global()).length;
  const names = Array.from({ length: mostVariables - there }, (_, index) => `MANY_${index}`);
  for (const name of names) {
    const change = { scope: '*', name, value: 'x', person, override: null };
    assert.equal(await variables.set(change, mostVariables), 'set');
  }
  const full = await pat.post('/global-variables', { name: 'ONE_MORE', value: 'x' });
  assert.equal(full.status, 422);
  assert.match(full.text, /no more are kept/);
  assert.equal((await pat.post('/global-variables', { name: 'MANY_0', value: 'y' })).status, 303);
  const removed = await pat.post('/global-variables/remove', { name: 'MANY_0' });
  assert.equal(removed.status, 303);
  assert.equal((await pat.post('/global-variables', { name: 'ONE_MORE', value: 'x' })).status, 303);
});

test('whoever is in no group that owns the repository sets nothing of it, and reads nothing of a private one', async () => {
  const groups = createGroupStore(database.as('nonprod_web'));
  await groups.set(repository.name, { own: ['web-team'], launch: [] }, 'pat@example.com');
  const leo = await web.signedIn('leo@example.com', ['developers']);
  assert.equal((await own(leo, { name: 'X', value: '1' })).status, 403);
  assert.equal((await own(dana, { name: 'X', value: '1' })).status, 303);
  assert.equal((await leo.post('/global-variables', { name: 'X', value: '1' })).status, 403);
  await database
    .as('owner')
    .repository.update({ where: { name: repository.name }, data: { private: true } });
  for (const path of ['/variables', '/api/v1/variables']) {
    assert.equal((await leo.get(`${path}?repository=shop%2Fweb`)).status, 404);
    assert.equal((await dana.get(`${path}?repository=shop%2Fweb`)).status, 200);
  }
});
