import { testPostgres, type TestDatabase, withPostgres } from '@airlock/testkit/stack';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { migrate, MigrationError, type MigrationErrorCode } from './migrate.ts';

const made: string[] = [];
after(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

/** A migrations directory with these files. */
function files(migrations: Record<string, string>, grants = ''): Parameters<typeof migrate>[0] {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-migrate-'));
  made.push(directory);
  for (const [name, sql] of Object.entries(migrations)) write(directory, name, sql);
  writeFileSync(join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
  writeFileSync(join(directory, 'grants.sql'), grants);
  return { pool: {}, migrationsDirectory: directory, grantsFile: join(directory, 'grants.sql') };
}

function write(directory: string, name: string, sql: string): void {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, 'migration.sql'), sql);
}

async function query(database: TestDatabase, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(database);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

const refusedWith =
  (code: MigrationErrorCode, words: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof MigrationError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  };

const appendOnly = `
create table ledger (seq int primary key);
create function refuse() returns trigger language plpgsql as $$
begin
  raise exception 'ledger is append-only; nothing was changed';
end $$ ;
create trigger append_only before update or delete on ledger for each row execute function refuse();
insert into ledger values (1);
`;

test('migrations are applied in order, once, with trigger bodies whole', async () => {
  await withPostgres(async (pool) => {
    const options = {
      ...files({ '0002_more': 'create table more (id int)', '0001_first': appendOnly }),
      pool,
    };
    assert.deepEqual(await migrate(options), ['0001_first', '0002_more']);
    assert.deepEqual(await migrate(options), []);
    await assert.rejects(query(pool, 'delete from ledger'), /append-only; nothing was changed/);
  });
});

test('the history is what Prisma writes: SHA-256 of the file, one step, finished', async () => {
  await withPostgres(async (pool) => {
    await migrate({ ...files({ '0001_first': 'select 1' }), pool });
    assert.deepEqual(
      await query(
        pool,
        `select migration_name, checksum, applied_steps_count, finished_at is not null as finished,
           logs, rolled_back_at, length(id) as id_length from _prisma_migrations`,
      ),
      [
        {
          migration_name: '0001_first',
          // printf 'select 1' | sha256sum
          checksum: '822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f',
          applied_steps_count: 1,
          finished: true,
          logs: null,
          rolled_back_at: null,
          id_length: 36,
        },
      ],
    );
  });
});

test('four runners at once apply each migration once', async () => {
  await withPostgres(async (pool) => {
    const options = {
      ...files({ '0001_first': appendOnly, '0002_more': 'select pg_sleep(0.1)' }),
      pool,
    };
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(options)));
    assert.deepEqual(applied.flat().sort(), ['0001_first', '0002_more']);
  });
});

test('an edited migration is refused and named, and nothing is applied', async () => {
  await withPostgres(async (pool) => {
    const options = { ...files({ '0001_first': 'select 1' }), pool };
    await migrate(options);
    write(options.migrationsDirectory, '0001_first', 'select 2');
    write(options.migrationsDirectory, '0002_more', 'create table more (id int)');
    await assert.rejects(
      migrate(options),
      refusedWith('migration-edited', /0001_first.*new migration/),
    );
    await assert.rejects(query(pool, 'select from more'), /does not exist/);
  });
});

test('a migration that the directory does not have is refused', async () => {
  await withPostgres(async (pool) => {
    const options = { ...files({ '0001_first': 'select 1', '0002_more': 'select 2' }), pool };
    await migrate(options);
    rmSync(join(options.migrationsDirectory, '0002_more'), { recursive: true });
    await assert.rejects(migrate(options), refusedWith('migration-unknown', /has 0002_more/));
  });
});

test('a new migration that sorts before an applied one is refused', async () => {
  await withPostgres(async (pool) => {
    const options = { ...files({ '0002_more': 'select 2' }), pool };
    await migrate(options);
    write(options.migrationsDirectory, '0001_late', 'select 1');
    await assert.rejects(
      migrate(options),
      refusedWith('migration-out-of-order', /0001_late.*later name/),
    );
  });
});

test('a migration that Prisma left unfinished is refused', async () => {
  await withPostgres(async (pool) => {
    const options = { ...files({ '0001_first': 'select 1' }), pool };
    await migrate(options);
    await query(pool, 'update _prisma_migrations set finished_at = null');
    await assert.rejects(migrate(options), refusedWith('migration-unfinished', /migrate resolve/));
  });
});

test('a failing migration leaves nothing behind, is named by file and line, and runs once corrected', async () => {
  await withPostgres(async (pool) => {
    const options = {
      ...files({ '0001_first': 'create table one (id int);\n-- ü\nselect nonsense;\n' }),
      pool,
    };
    await assert.rejects(
      migrate(options),
      refusedWith(
        'migration-failed',
        /0001_first\/migration\.sql:3: column "nonsense" does not exist/,
      ),
    );
    await assert.rejects(query(pool, 'select from one'), /does not exist/);
    write(options.migrationsDirectory, '0001_first', 'create table one (id int)');
    assert.deepEqual(await migrate(options), ['0001_first']);
  });
});

test('a migration that commits by itself is refused', async () => {
  await withPostgres(async (pool) => {
    const options = {
      ...files({ '0001_first': 'create table one (id int); commit; begin;' }),
      pool,
    };
    await assert.rejects(
      migrate(options),
      refusedWith('migration-failed', /ends its own transaction/),
    );
    assert.deepEqual(await query(pool, 'select * from _prisma_migrations'), []);
  });
});

test('grants are applied on every run, also when no migration is new', async () => {
  await withPostgres(async (pool) => {
    const options = { ...files({ '0001_first': 'create table one (id int)' }), pool };
    await migrate(options);
    writeFileSync(options.grantsFile, 'grant select on one to public;');
    await migrate(options);
    assert.deepEqual(
      await query(pool, `select has_table_privilege('public', 'one', 'select') as may`),
      [{ may: true }],
    );
  });
});

test('grants that fail change nothing and are named', async () => {
  await withPostgres(async (pool) => {
    const options = {
      ...files(
        { '0001_first': 'create table one (id int)' },
        'grant select on one to public;\ngrant x to y;',
      ),
      pool,
    };
    await assert.rejects(
      migrate(options),
      refusedWith('grants-failed', /grants\.sql.*does not exist/),
    );
    assert.deepEqual(
      await query(pool, `select has_table_privilege('public', 'one', 'select') as may`),
      [{ may: false }],
    );
  });
});

test('databases of one cluster that create and grant the same role at once both succeed', async () => {
  const { createDatabase, host, port, user, password } = await testPostgres();
  const role = `airlock_test_role_${process.pid}`;
  const grants = `
    do $$ begin
      if not exists (select from pg_roles where rolname = '${role}') then
        perform pg_sleep(0.1);
        create role ${role} nologin;
      end if;
    end $$;
    alter role ${role} connection limit 5;
    grant pg_monitor to ${role};`;
  const applied = await Promise.all(
    [1, 2, 3, 4, 5].map(async () => {
      const pool = { host, port, user, password, database: await createDatabase() };
      return await migrate({ ...files({ '0001_first': 'select 1' }, grants), pool });
    }),
  );
  assert.deepEqual(applied, Array(5).fill(['0001_first']));
});
