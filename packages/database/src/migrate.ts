/**
 * Applies a service's SQL migrations: Prisma's directory layout, table, checksums and lock, so that
 * `prisma migrate deploy` and this can take turns on one database, but each migration in one transaction and sent
 * whole (Prisma's own adapter splits at semicolons, which breaks trigger bodies).
 *
 * A migration that fails leaves nothing behind and is not recorded; correct its file and run again. A migration
 * that was applied is never edited: write a new one.
 */
import { AirlockError } from '@airlock/common/errors';
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export type MigrationErrorCode =
  | 'migration-edited'
  | 'migration-unknown'
  | 'migration-unfinished'
  | 'migration-out-of-order'
  | 'migration-failed'
  | 'migration-locked'
  | 'grants-failed';

export class MigrationError extends AirlockError<MigrationErrorCode> {}

/** Prisma's own advisory lock, so that its tools wait for us and we for them. */
const advisoryLock = 72707369;
const lockWithinMs = 60_000;

const historyTable = `
create table if not exists _prisma_migrations (
  id varchar(36) primary key not null,
  checksum varchar(64) not null,
  finished_at timestamptz,
  migration_name varchar(255) not null,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0
)`;

type Migration = { name: string; file: string; sql: string; checksum: string };
type Applied = { migration_name: string; checksum: string; finished_at: Date | null };

/**
 * Brings one database up to date and then applies the grants, which must be repeatable. Any number may run at once:
 * they take turns.
 *
 * @param options.pool connects as the owner of the schema, not as a service's own role.
 * @param options.migrationsDirectory holds `NAME/migration.sql`; names are applied in byte order.
 * @returns the names applied by this call, in order; empty when there was nothing to do.
 * @throws MigrationError before anything is changed: `migration-edited` (an applied file differs from what was
 *   applied), `migration-unknown` (applied, but not in the directory), `migration-unfinished` (Prisma recorded a
 *   failure), `migration-out-of-order` (a new name sorts before an applied one), `migration-locked` (another
 *   migration ran for over 60 s). With the change rolled back: `migration-failed`, `grants-failed`.
 */
export async function migrate(options: {
  pool: pg.ClientConfig;
  migrationsDirectory: string;
  grantsFile: string;
}): Promise<string[]> {
  const migrations = await readMigrations(options.migrationsDirectory);
  const grants = await readFile(options.grantsFile, 'utf8');
  const client = new pg.Client({
    ...options.pool,
    statement_timeout: false,
    lock_timeout: lockWithinMs,
  });
  await client.connect();
  try {
    await takeLock(client);
    await client.query(historyTable);
    const pending = pendingMigrations(migrations, await readHistory(client));
    // The limit was for the advisory lock; a migration may wait as long as it needs.
    await client.query('set lock_timeout = 0');
    for (const migration of pending) await apply(client, migration);
    await applyGrants(client, options.grantsFile, grants);
    return pending.map(({ name }) => name);
  } finally {
    // Ends the session, and with it the advisory lock.
    await client.end();
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return await Promise.all(
    names.sort(byBytes).map(async (name) => {
      const file = join(directory, name, 'migration.sql');
      const bytes = await readFile(file);
      const checksum = createHash('sha256').update(bytes).digest('hex');
      return { name, file, sql: bytes.toString('utf8'), checksum };
    }),
  );
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function takeLock(client: pg.Client): Promise<void> {
  try {
    await client.query('select pg_advisory_lock($1)', [advisoryLock]);
  } catch (cause) {
    if (!hasCode(cause, '55P03')) throw cause;
    throw new MigrationError(
      'migration-locked',
      `another migration of this database has been running for over ${lockWithinMs / 1000} s; wait for it, ` +
        "or end its session (select * from pg_locks where locktype = 'advisory')",
      { cause },
    );
  }
}

async function readHistory(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(
    'select migration_name, checksum, finished_at from _prisma_migrations where rolled_back_at is null',
  );
  return rows;
}

function pendingMigrations(migrations: Migration[], history: Applied[]): Migration[] {
  const byName = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { migration_name: name, checksum, finished_at: finishedAt } of history) {
    const migration = byName.get(name);
    if (finishedAt === null) {
      throw new MigrationError(
        'migration-unfinished',
        `${name} was begun by Prisma and did not finish; put the database right, ` +
          `then prisma migrate resolve --applied ${name} (or --rolled-back)`,
      );
    }
    if (migration === undefined) {
      throw new MigrationError(
        'migration-unknown',
        `the database has ${name}, which this version does not have; ` +
          'run the version that does, or restore the backup from before it',
      );
    }
    if (migration.checksum !== checksum) {
      throw new MigrationError(
        'migration-edited',
        `${migration.file} was changed after it was applied (applied ${checksum}, found ${migration.checksum}); ` +
          'restore the file and write the change as a new migration',
      );
    }
  }
  const applied = new Set(history.map((row) => row.migration_name));
  const last = [...applied].sort(byBytes).at(-1);
  const pending = migrations.filter(({ name }) => !applied.has(name));
  const early = pending.find(({ name }) => last !== undefined && name < last);
  if (early !== undefined) {
    throw new MigrationError(
      'migration-out-of-order',
      `${early.file} is new but sorts before ${String(last)}, which is applied already; give it a later name`,
    );
  }
  return pending;
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const { name, file, sql, checksum } = migration;
  await client.query('begin');
  try {
    const before = await transactionId(client);
    await client.query(sql);
    // A migration that commits by itself would be half applied when its second half fails.
    if ((await transactionId(client)) !== before) {
      throw new Error('the file ends its own transaction; remove its begin, commit and rollback');
    }
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    throw new MigrationError('migration-failed', describe(file, sql, cause), { cause });
  }
}

async function transactionId(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>('select pg_current_xact_id()::text as id');
  return rows[0]?.id;
}

/** Roles belong to the whole cluster, so two databases migrated at once may create or grant the same one. */
const clusterRaces = ['23505', '42710', 'XX000', '40001', '40P01'];

async function applyGrants(client: pg.Client, file: string, sql: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query('begin');
      await client.query(sql);
      await client.query('commit');
      return;
    } catch (cause) {
      await client.query('rollback');
      if (attempt === 20 || !clusterRaces.some((code) => hasCode(cause, code))) {
        throw new MigrationError('grants-failed', describe(file, sql, cause), { cause });
      }
      await sleep(10 * attempt);
    }
  }
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof pg.DatabaseError && cause.code === code;
}

/** `file:line: what Postgres said (hint)`. */
function describe(file: string, sql: string, cause: unknown): string {
  if (!(cause instanceof pg.DatabaseError)) {
    return `${file}: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
  // Positions count characters from 1.
  const at = cause.position === undefined ? '' : `:${lineAt(sql, Number(cause.position))}`;
  const hint = cause.hint === undefined ? '' : ` (${cause.hint})`;
  return `${file}${at}: ${cause.message}${hint}`;
}

const lineAt = (text: string, position: number): number =>
  Array.from(text)
    .slice(0, position - 1)
    .filter((character) => character === '\n').length + 1;
