/**
 * A gate database as set-up leaves it: migrated, and every process with its own role and password. Integration tests get
 * one each, in the shared Postgres.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '@airlock/database/migrate';
import pg from 'pg';
import { testPostgres } from './stack.ts';

export type GateRole =
  'gate_intake' | 'gate_web' | 'gate_authority' | 'gate_deliverer' | 'gate_watchdog' | 'gate_audit';

export type TestGateDatabase = {
  /** Settings of one process, as its configuration file would give them. */
  settings(role: GateRole): {
    host: string;
    port: number;
    name: string;
    user: string;
    passwordFile: string;
  };
  /** The superuser's query, for arranging what no process may do. */
  asOwner(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  dispose(): Promise<void>;
};

const roles: readonly GateRole[] = [
  'gate_intake',
  'gate_web',
  'gate_authority',
  'gate_deliverer',
  'gate_watchdog',
  'gate_audit',
];
const prismaDirectory = fileURLToPath(new URL('../../../prisma/prod-gate/', import.meta.url));
/** Roles belong to the whole server: test files that prepare a database at the same time take turns. */
const rolesLock = 727077;

export async function createGateDatabase(): Promise<TestGateDatabase> {
  const postgres = await testPostgres();
  const { host, port, user, password } = postgres;
  const name = await postgres.createDatabase();
  const owner = { host, port, user, password, database: name };
  const rolePassword = 'a-password-of-tests-only';
  await withClient({ ...owner, database: 'postgres' }, async (client) => {
    await client.query('select pg_advisory_lock($1)', [rolesLock]);
    await migrate({
      pool: owner,
      migrationsDirectory: join(prismaDirectory, 'migrations'),
      grantsFile: join(prismaDirectory, 'grants.sql'),
    });
    for (const role of roles) {
      await client.query(`alter role ${role} login password '${rolePassword}'`);
    }
  });
  const directory = mkdtempSync(join(tmpdir(), 'airlock-gate-database-'));
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, rolePassword, { mode: 0o600 });
  const pool = new pg.Pool({ ...owner, max: 2 });
  // Dropping the database ends by force what is only just saying goodbye.
  pool.on('error', () => {});
  return {
    settings: (role) => ({ host, port, name, user: role, passwordFile }),
    async asOwner(sql, values) {
      const { rows } = await pool.query<Record<string, unknown>>(sql, values && [...values]);
      return rows;
    },
    async dispose() {
      await pool.end();
      rmSync(directory, { recursive: true });
      await withClient({ ...owner, database: 'postgres' }, (client) =>
        client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`),
      );
    },
  };
}

async function withClient<T>(
  connection: pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
