import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import {
  createNotificationChoices,
  createNotificationRules,
} from '../adapters/postgres/notification-store.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { repository, startRun } from '../testing/fixtures.ts';
import { identityOf, startTestWeb, type Browser, type TestWeb } from '../testing/web.ts';
import { heedOwners } from './heed-owners.ts';
import { notificationRoutes } from './routes/notifications.tsx';

let database: TestDatabase;
let web: TestWeb;

before(async () => {
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  const routes = notificationRoutes({
    choices: createNotificationChoices(db),
    rules: createNotificationRules(db),
  });
  const groups = createGroupStore(db);
  web = await startTestWeb(database, heedOwners(routes, groups));
  await startRun(database);
  await groups.set(repository.name, { own: ['developers'], launch: [] }, 'pat@example.com');
});
after(async () => {
  await web.close();
  await database.close();
});

async function person(name: string, groups: readonly string[]): Promise<Browser> {
  await createPersonStore(database.as('nonprod_web')).signedIn(identityOf(name, groups));
  return await web.signedIn(name, groups);
}

async function sent(name: string, title: string): Promise<void> {
  const owner = database.as('owner');
  const id = `${name} ${title}`;
  await owner.notification.create({
    data: {
      ...{ id, thread: id, type: 'run.failed', title, lines: [], path: '/runs/run_1' },
      occurredAt: new Date(),
    },
  });
  await owner.dispatch.create({
    data: {
      ...{ notificationId: id, channel: 'mail', recipient: `${name}@example.com` },
      ...{ person: identityOf(name, []).nameId, state: 'dead', tries: 8, settledAt: new Date() },
      error: 'smtp.example.com: <no such user>',
    },
  });
}

test('everybody says where they read mail, and turns it off', async () => {
  const dana = await person('dana', ['developers']);
  const choices = createNotificationChoices(database.as('nonprod_web'));
  const { nameId } = identityOf('dana', []);
  const on = await dana.post('/me/notifications', { address: 'dana@example.com', mail: 'on' });
  assert.equal(on.status, 303, on.text);
  assert.deepEqual(await choices.of(nameId), { address: 'dana@example.com', mail: true });
  await dana.post('/me/notifications', { address: 'dana@example.com' });
  assert.deepEqual(await choices.of(nameId), { address: 'dana@example.com', mail: false });
});

test('what is no one address is refused', async () => {
  const dana = await person('dana', ['developers']);
  for (const address of [
    '',
    'dana',
    'a@b.example, c@d.example',
    'a@b.example\r\nBcc: c@d.example',
  ]) {
    const { status } = await dana.post('/me/notifications', { address, mail: 'on' });
    assert.ok(status >= 400 && status < 500, `${address}: ${status}`);
  }
});

test('everybody sees what was sent to them, why it did not arrive, and nothing of others', async () => {
  const dana = await person('dana', ['developers']);
  await sent('dana', 'shop/web main: run 7 <b>failed</b>');
  await sent('leo', 'a secret project failed');
  const { text } = await dana.get('/me/notifications');
  assert.match(text, /run 7 &lt;b>failed&lt;\/b>/);
  assert.match(text, /8 attempts: smtp\.example\.com: &lt;no such user>/);
  assert.doesNotMatch(text, /a secret project/);
  const api = await dana.get('/api/v1/notifications');
  assert.match(api.text, /run 7/);
  assert.doesNotMatch(api.text, /a secret project/);
});

test('whoever runs the installation sees what went to everybody', async () => {
  await sent('leo', 'leo was not reached');
  const pat = await person('pat', ['platform']);
  assert.match((await pat.get('/me/notifications')).text, /leo was not reached/);
});
