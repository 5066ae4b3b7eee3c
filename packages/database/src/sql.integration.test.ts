import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withPostgres } from '@airlock/testkit/stack';
import { openPool, type DatabasePool } from './pool.ts';
import { createSql, inTransaction } from './sql.ts';

async function withPool(work: (pool: DatabasePool) => Promise<void>): Promise<void> {
  await withPostgres(async (server) => {
    const pool = openPool({ ...server, max: 1 });
    try {
      await work(pool);
    } finally {
      await pool.end();
    }
  });
}

test('values are parameters, whatever they hold', async () => {
  await withPool(async (pool) => {
    const sql = createSql(pool);
    const hostile = `'; drop table x; --`;
    assert.deepEqual(
      await sql<{ text: string; list: string[] }>`
        select ${hostile}::text as text, ${[hostile, 'a,"b"']}::text[] as list`,
      [{ text: hostile, list: [hostile, 'a,"b"'] }],
    );
  });
});

test('a statement is prepared once a connection, and no other’s name is its own', async () => {
  await withPool(async (pool) => {
    const sql = createSql(pool);
    const ask = (value: number) => sql<{ twice: number }>`select ${value}::int * 2 as twice`;
    const other = () => sql<{ thrice: number }>`select ${7}::int * 3 as thrice`;
    assert.deepEqual([await ask(1), await ask(2)], [[{ twice: 2 }], [{ twice: 4 }]]);
    assert.deepEqual(await other(), [{ thrice: 21 }]);
    const { rows } = await pool.query('select statement from pg_prepared_statements order by 1');
    assert.deepEqual(rows, [
      { statement: 'select $1::int * 2 as twice' },
      { statement: 'select $1::int * 3 as thrice' },
    ]);
  });
});

test('a transaction is all or nothing, and its connection is not used again when it failed', async () => {
  await withPool(async (pool) => {
    const sql = createSql(pool);
    await sql`create table kept (id int primary key)`;
    assert.equal(
      await inTransaction(pool, async (tx) => (await tx`insert into kept values (1)`).length),
      0,
    );
    const backend = async () =>
      (await sql<{ pid: number }>`select pg_backend_pid() as pid`)[0]?.pid;
    const before = await backend();
    await assert.rejects(
      inTransaction(pool, async (tx) => {
        await tx`insert into kept values (2)`;
        await tx`insert into kept values (1)`;
      }),
      /duplicate key/,
    );
    assert.deepEqual(await sql`select id from kept`, [{ id: 1 }]);
    assert.notEqual(await backend(), before);
  });
});
