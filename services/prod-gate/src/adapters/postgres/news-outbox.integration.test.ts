import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import type { News } from '../../domain/news.ts';
import { openDatabase, type GateDatabase } from './client.ts';
import { newsOutbox } from './news-outbox.ts';

let gate: TestGateDatabase;
const opened: GateDatabase[] = [];
const open = (role: Parameters<TestGateDatabase['settings']>[0]): GateDatabase => {
  const database = openDatabase(gate.settings(role));
  opened.push(database);
  return database;
};

const news = (id: string, fields: Partial<News> = {}): News => ({
  ...{
    id,
    thread: 'prm_1',
    type: 'promotion.expired',
    title: 'r1 → eu expired',
    lines: ['a', 'b'],
  },
  ...{ path: '/promotions/prm_1', target: 'eu', actor: null, at: new Date('2026-11-22T10:00:00Z') },
  ...fields,
});
const told = (id: string) => gate.asOwner('select * from notification where id = $1', [id]);

before(async () => {
  gate = await createGateDatabase();
});
after(async () => {
  for (const database of opened) await database.close();
  await gate.dispose();
});

test('what is told twice under one id stands there once, as it was told first', async () => {
  const intake = open('gate_intake');
  await intake.transaction((tx) => newsOutbox.tell(tx, news('once')));
  await intake.transaction((tx) => newsOutbox.tell(tx, news('once', { title: 'another' })));
  const rows = await told('once');
  assert.deepEqual(
    rows.map(({ title, lines }) => [title, lines]),
    [['r1 → eu expired', ['a', 'b']]],
  );
});

test('what is told in a transaction that fails is not told', async () => {
  const intake = open('gate_intake');
  const work = intake.transaction(async (tx) => {
    await newsOutbox.tell(tx, news('undone'));
    throw new Error('the change failed');
  });
  await assert.rejects(work, /the change failed/);
  assert.deepEqual(await told('undone'), []);
});

test('web, deliverer and watchdog may tell; the authority may not', async () => {
  for (const role of ['gate_web', 'gate_deliverer', 'gate_watchdog'] as const) {
    await open(role).transaction((tx) => newsOutbox.tell(tx, news(role)));
    assert.equal((await told(role)).length, 1, role);
  }
  const attempt = open('gate_authority').transaction((tx) => newsOutbox.tell(tx, news('x')));
  await assert.rejects(attempt, /permission denied|42501/);
});

test('nobody but intake says to whom a message goes, or that it went', async () => {
  const insert =
    "insert into dispatch (notification_id, channel, recipient) values ('once', 'mail', 'eve@example.com')";
  for (const role of ['gate_web', 'gate_deliverer', 'gate_watchdog', 'gate_authority'] as const) {
    const { pool } = open(role);
    await assert.rejects(pool.query(insert), /permission denied/, role);
    await assert.rejects(
      pool.query("update dispatch set state = 'sent'"),
      /permission denied/,
      role,
    );
    await assert.rejects(pool.query('update notification set addressed_at = now()'), /permission/);
  }
});

test('a title with a NUL, line breaks or a megabyte is told all the same, as one short line', async () => {
  const title = `a\u0000b\r\nBcc: eve\u202e ${'x'.repeat(1_000_000)}`;
  await open('gate_web').transaction((tx) => newsOutbox.tell(tx, news('odd', { title })));
  const [row] = await told('odd');
  assert.match(String(row?.['title']), /^a b Bcc: eve x{280,}…$/);
});
