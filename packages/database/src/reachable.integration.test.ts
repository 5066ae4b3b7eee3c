import { freePort } from '@airlock/testkit/ports';
import { withPostgres } from '@airlock/testkit/stack';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { assertReachable, ConnectionError } from './reachable.ts';

async function message(config: pg.PoolConfig): Promise<string> {
  const pool = new pg.Pool(config);
  try {
    await assertReachable(pool, 'database');
    return 'reachable';
  } catch (error) {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.code, /^configuration-/);
    return error.message;
  } finally {
    await pool.end();
  }
}

test('a database that lets us in is reachable', async () => {
  await withPostgres(async (database) => {
    assert.equal(await message(database), 'reachable');
  });
});

test('nothing listening is told with host, port and the settings to correct', async () => {
  const port = await freePort();
  assert.equal(
    await message({ host: '127.0.0.1', port, user: 'gate_web', database: 'gate' }),
    `database: no Postgres answers at 127.0.0.1:${port} (ECONNREFUSED); start it, or correct database.host and database.port`,
  );
});

test('an unknown host is told with its name', async () => {
  assert.match(
    await message({ host: 'nowhere.invalid', port: 5432, user: 'u', database: 'd' }),
    /no Postgres answers at nowhere\.invalid:5432 \((ENOTFOUND|EAI_AGAIN)\)/,
  );
});

test('each refusal names the role or database and the setting', async () => {
  await withPostgres(async (database) => {
    const cases: [pg.PoolConfig, RegExp][] = [
      [{ password: 'wrong' }, /refused the password of ".+"; correct database\.passwordFile/],
      [{ user: 'nobody_here' }, /refused the password of "nobody_here"/],
      [{ database: 'gone' }, /has no database "gone"; correct database\.name/],
      [
        { password: undefined },
        /asks for the password of ".+" and none is set; set database\.passwordFile/,
      ],
    ];
    for (const [wrong, expected] of cases) {
      const text = await message({ ...database, ...wrong });
      assert.match(text, expected);
      assert.ok(text.includes(`${database.host}:${database.port}`), text);
    }
  });
});
