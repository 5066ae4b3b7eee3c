/** What becomes of runs, as a mailbox and a channel hear it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { openChannels } from '@airlock/notify/open-channels';
import { createNotificationQueue } from '@airlock/notify/queue';
import { sendDue } from '@airlock/notify/send-due';
import { NotifySettings } from '@airlock/notify/settings';
import { certificateOf } from '@airlock/notify/testing/certificate';
import { startReceiver, type Receiver } from '@airlock/notify/testing/receiver';
import { startSmtpServer, type SmtpServer } from '@airlock/notify/testing/smtp-server';
import { testPostgres } from '@airlock/testkit/stack';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import {
  createNotificationChoices,
  createNotificationRules,
} from '../adapters/postgres/notification-store.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createRunNewsStore } from '../adapters/postgres/run-news-store.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { repository, startRun } from '../testing/fixtures.ts';
import { identityOf } from '../testing/web.ts';
import { createTellRuns } from './tell-runs.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-tell-runs-'));
let database: TestDatabase;
let pool: DatabasePool;
let mails: SmtpServer;
let chat: Receiver;
let settings: NotifySettings;

before(async () => {
  database = await testDatabase(await testPostgres());
  pool = openPool(database.connectionOf('nonprod_scheduler'));
  const certificate = certificateOf('localhost');
  mails = await startSmtpServer({ certificate });
  chat = await startReceiver();
  const fileOf = (name: string, content: string | Buffer): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  settings = NotifySettings.parse({
    mail: {
      ...{ host: 'localhost', port: mails.port, caFile: fileOf('ca.pem', certificate.cert) },
      ...{ from: 'ci@example.com', domains: ['example.com'] },
    },
    channels: {
      chat: { kind: 'slack', urlFile: fileOf('chat.url', `http://127.0.0.1:${chat.port}/hook`) },
    },
    reachable: ['127.0.0.0/8', '::1/128'],
  });
});
after(async () => {
  await Promise.all([mails.close(), chat.close()]);
  await pool.end();
  await database.close();
  rmSync(directory, { recursive: true });
});

async function tellAll(): Promise<void> {
  const db = database.as('nonprod_scheduler');
  const queue = createNotificationQueue(pool);
  const tell = createTellRuns(
    { runs: createRunNewsStore(db), rules: createNotificationRules(db), queue },
    settings,
  );
  await tell();
  const { signal } = new AbortController();
  const channels = openChannels(settings);
  const onDead = (dead: unknown): void => assert.fail(JSON.stringify(dead));
  await sendDue({ queue, channels, origin: 'https://ci.example', onDead, signal });
}

async function finished(state: 'passed' | 'failed', authorEmail: string): Promise<string> {
  const run = await startRun(database);
  await database.as('owner').run.update({
    where: { id: run.id },
    data: { state, authorEmail, finishedAt: new Date(), startedAt: new Date() },
  });
  return run.id;
}

async function person(name: string, groups: string[], mail = true): Promise<void> {
  const web = database.as('nonprod_web');
  const identity = identityOf(name, groups);
  await createPersonStore(web).signedIn(identity);
  const address = `${name}@example.com`;
  await createNotificationChoices(web).choose(identity.nameId, { address, mail });
}

const rule = (fields: object) =>
  createNotificationRules(database.as('nonprod_web')).set(
    repository.name,
    { authors: false, owners: false, channels: [], ...fields },
    'pat@example.com',
  );
const readersOf = (runId: string): string[] =>
  mails.mails
    .filter(({ raw }) => raw.includes(`https://ci.example/runs/${runId}`))
    .flatMap(({ to }) => to)
    .sort();
const chatted = (runId: string): string[] =>
  chat.received.map(({ body }) => body.toString()).filter((text) => text.includes(runId));

test('without a rule the author of a failing commit is written to, by the address that they gave, and nobody else', async () => {
  await person('dana', ['developers']);
  await person('leo', ['developers']);
  const run = await finished('failed', 'Dana@example.com');
  await tellAll();
  await tellAll();
  assert.deepEqual(readersOf(run), ['dana@example.com']);
  assert.deepEqual(chatted(run), []);
});

test('a run that passes is told of only when the one before it on that ref failed', async () => {
  await rule({ authors: true, channels: ['chat'] });
  const fixed = await finished('passed', 'dana@example.com');
  await tellAll();
  assert.deepEqual(readersOf(fixed), ['dana@example.com']);
  assert.match(chatted(fixed).join(), /passes again/);
  const again = await finished('passed', 'dana@example.com');
  await tellAll();
  assert.deepEqual([readersOf(again), chatted(again)], [[], []]);
});

test('owners are told when the rule says so, and not whoever turned mail off', async () => {
  await createGroupStore(database.as('nonprod_web')).set(
    repository.name,
    { own: ['shop-owners'], launch: ['developers'] },
    'pat@example.com',
  );
  await person('olga', ['shop-owners']);
  await person('omar', ['shop-owners'], false);
  await rule({ owners: true });
  const run = await finished('failed', 'stranger@example.com');
  await tellAll();
  assert.deepEqual(readersOf(run), ['olga@example.com']);
});

test('that it failed and that it passes again are one thread of mail', () => {
  const references = mails.mails
    .filter(({ to }) => to.includes('dana@example.com'))
    .map(({ raw }) => /^References: (.*)$/m.exec(raw)?.[1]);
  assert.ok(references.length >= 2);
  assert.equal(new Set(references).size, 1);
});

test('the web process may choose and read, and neither tell nor send', async () => {
  const web = openPool(database.connectionOf('nonprod_web'));
  try {
    for (const sql of [
      "insert into notification (id, thread, type, title, lines, path, occurred_at) values ('x', 'x', 'run.failed', 'x', '{}', '/', now())",
      "update dispatch set state = 'waiting', settled_at = null",
      'update notification set addressed_at = null',
    ]) {
      await assert.rejects(web.query(sql), /permission denied/, sql);
    }
  } finally {
    await web.end();
  }
});
