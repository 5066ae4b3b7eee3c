import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { poolConfig } from '@airlock/process/settings';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { failed, type Notification, type Outcome } from '@airlock/notify/notification';
import { createNotificationQueue, mostTries, secondsToNextTry } from '@airlock/notify/queue';
import { sendDue, type Undelivered } from '@airlock/notify/send-due';

let gate: TestGateDatabase;
let pool: DatabasePool;
before(async () => {
  gate = await createGateDatabase();
  pool = openPool(poolConfig(gate.settings('gate_intake')));
});
after(async () => {
  await pool.end();
  await gate.dispose();
});

const { signal } = new AbortController();
const chat = { channel: 'chat', recipient: '', person: null };
const mira = { channel: 'mail', recipient: 'mira@example.com', person: 'mira' };

async function told(id: string, path = '/promotions/prm_1'): Promise<void> {
  await pool.query(
    `insert into notification (id, thread, type, title, lines, path, occurred_at)
     values ($1, $2, 'promotion.waits', 'r1 waits', '{}', $3, now())`,
    [id, `thread ${id}`, path],
  );
}

const rowsOf = async (id: string) =>
  gate.asOwner(
    'select channel, state, tries, error from dispatch where notification_id = $1 order by channel',
    [id],
  );
const makeDue = () => gate.asOwner("update dispatch set next_at = now() where state = 'waiting'");

async function send(outcome: Outcome, seen: Notification[] = []): Promise<Undelivered[]> {
  const dead: Undelivered[] = [];
  const channel = (notification: Notification) => {
    seen.push(notification);
    return Promise.resolve(outcome);
  };
  await sendDue({
    ...{ queue: createNotificationQueue(pool), origin: 'https://gate.example', signal },
    channels: new Map([
      ['chat', channel],
      ['mail', channel],
    ]),
    onDead: (undelivered) => dead.push(undelivered),
  });
  return dead;
}

test('what was addressed is sent once to each recipient, with the address of its page', async () => {
  await told('a');
  const queue = createNotificationQueue(pool);
  assert.deepEqual(
    (await queue.unaddressed(10)).map(({ id, thread, about }) => [id, thread, about]),
    [['a', 'thread a', null]],
  );
  await queue.address('a', [chat, mira, mira]);
  await queue.address('a', [{ ...mira, recipient: 'eve@example.com' }]);
  assert.deepEqual(await queue.unaddressed(10), []);
  const seen: Notification[] = [];
  await send({ sent: true }, seen);
  await send({ sent: true }, seen);
  assert.deepEqual(
    seen.map(({ link }) => link),
    ['https://gate.example/promotions/prm_1', 'https://gate.example/promotions/prm_1'],
  );
  assert.deepEqual(
    (await rowsOf('a')).map(({ channel, state }) => [channel, state]),
    [
      ['chat', 'sent'],
      ['mail', 'sent'],
    ],
  );
  assert.deepEqual((await queue.recipientsOf('thread a')).map(({ channel }) => channel).sort(), [
    'chat',
    'mail',
  ]);
});

test('what nobody hears is addressed all the same, and not looked at again', async () => {
  await told('silent');
  const queue = createNotificationQueue(pool);
  await queue.address('silent', []);
  assert.deepEqual(await queue.unaddressed(10), []);
});

test('two senders at once take each dispatch once', async () => {
  await told('race');
  const queue = createNotificationQueue(pool);
  const many = Array.from({ length: 30 }, (_, at) => ({
    ...mira,
    recipient: `p${at}@example.com`,
  }));
  await queue.address('race', many);
  const taken = (await Promise.all([queue.due(20), queue.due(20), queue.due(20)])).flat();
  const names = taken.map(({ recipient }) => recipient);
  assert.deepEqual([names.length, new Set(names).size], [30, 30]);
  for (const dispatch of taken) await queue.settle(dispatch, { sent: true });
});

test('what fails is tried again later, and after eight times nobody tries, and the reason is kept', async () => {
  await told('flaky');
  await createNotificationQueue(pool).address('flaky', [chat]);
  for (let tries = 1; tries < mostTries; tries += 1) {
    assert.deepEqual(await send(failed('503')), []);
    assert.deepEqual(await rowsOf('flaky'), [
      { channel: 'chat', state: 'waiting', tries, error: '503' },
    ]);
    // Not due yet.
    assert.deepEqual(await send(failed('too soon')), []);
    await makeDue();
  }
  assert.deepEqual(await send(failed('still 503')), [
    { notification: 'flaky', channel: 'chat', why: 'still 503' },
  ]);
  assert.deepEqual(await rowsOf('flaky'), [
    { channel: 'chat', state: 'dead', tries: mostTries, error: 'still 503' },
  ]);
});

test('what cannot succeed is given up at once, as is a channel that nobody configured', async () => {
  await told('final');
  await createNotificationQueue(pool).address('final', [chat, { ...chat, channel: 'gone' }]);
  const dead = await send(failed('no_service', { isFinal: true }));
  assert.deepEqual(dead.map(({ channel }) => channel).sort(), ['chat', 'gone']);
  const [, gone] = await rowsOf('final');
  assert.match(String(gone?.['error']), /no channel gone is configured; add it under notify/);
});

test('a path that looks like another host stays a page of this service', async () => {
  await told('path', '//evil.example/x');
  await createNotificationQueue(pool).address('path', [chat]);
  const seen: Notification[] = [];
  await send({ sent: true }, seen);
  assert.deepEqual(
    seen.map(({ link }) => new URL(link).host),
    ['gate.example'],
  );
});

test('the pause grows to an hour, and is never shorter than what the other side asked for', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7].map((tries) => secondsToNextTry(tries, null));
  assert.deepEqual(pauses, [15, 60, 240, 960, 3600, 3600, 3600]);
  assert.equal(secondsToNextTry(1, 120), 120);
});
