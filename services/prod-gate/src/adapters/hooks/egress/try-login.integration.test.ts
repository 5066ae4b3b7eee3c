/** What the target's own Postgres says to a login, and what is no word of it at all. */
import { Secret } from '@airlock/common/secret';
import { freePort } from '@airlock/testkit/ports';
import { testPostgres } from '@airlock/testkit/stack';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { DatabaseLogin, DatabasePlace } from '../../../app/try-logins.ts';
import { tryLogin } from './try-login.ts';

const username = `v-try-${randomBytes(4).toString('hex')}`;
const password = randomBytes(12).toString('hex');
const login: DatabaseLogin = { kind: 'database', username, password: new Secret(password) };
let admin: pg.Client;
let place: DatabasePlace;

before(async () => {
  const { createDatabase, ...server } = await testPostgres();
  const database = await createDatabase();
  admin = new pg.Client({ ...server, database });
  await admin.connect();
  const { host, port } = server;
  place = { as: 'db', kind: 'postgres', host, port, name: database };
});
after(async () => {
  await admin.query(`drop role if exists "${username}"`);
  await admin.end();
});

test('a login is refused before its role exists, works while it does, and is refused once it is gone', async () => {
  assert.equal(await tryLogin(place, login), 'refused');
  await admin.query(`create role "${username}" login password '${password}'`);
  assert.equal(await tryLogin(place, login), 'works');
  const until = performance.now() + 5_000;
  while ((await sessionsOf(username)) > 0) {
    assert.ok(performance.now() < until, 'the attempt leaves no session');
    await sleep(20);
  }
  await admin.query(`alter role "${username}" nologin`);
  assert.equal(await tryLogin(place, login), 'refused');
  await admin.query(`alter role "${username}" login valid until '2020-01-01'`);
  assert.equal(await tryLogin(place, login), 'refused', 'its VALID UNTIL has passed');
  await admin.query(`drop role "${username}"`);
  assert.equal(await tryLogin(place, login), 'refused');
});

test('no answer, another answer and another refusal are no proof', async () => {
  assert.equal(await tryLogin({ ...place, port: await freePort() }, login), 'unknown');
  const stranger = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const port = await freePort();
  await new Promise<void>((resolve) => {
    stranger.listen(port, '127.0.0.1', resolve);
  });
  assert.equal(await tryLogin({ ...place, host: '127.0.0.1', port }, login), 'unknown');
  stranger.close();
  await admin.query(`create role "${username}" login password '${password}' connection limit 0`);
  assert.equal(await tryLogin(place, login), 'unknown', 'too many connections (53300)');
});

async function sessionsOf(role: string): Promise<number> {
  const { rowCount } = await admin.query('select from pg_stat_activity where usename = $1', [role]);
  return rowCount ?? 0;
}
