/** For this workspace's tests: a migrated database of its own, and connections as each process's role. */
import { fileURLToPath } from 'node:url';
import { migrate } from '@airlock/database/migrate';
import { createDatabase, type Database } from '../adapters/postgres/client.ts';

export type Role = 'owner' | 'nonprod_web' | 'nonprod_scheduler' | 'nonprod_outbox';

export interface TestDatabase {
  /** Connected as that role, with the grants it has in production. */
  as(role: Role): Database;
  close(): Promise<void>;
}

const prismaDirectory = fileURLToPath(new URL('../../../../prisma/nonprod', import.meta.url));

/** What `testPostgres()` of the test kit gives; the kit itself is named by tests only. */
export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  createDatabase(): Promise<string>;
}

export async function testDatabase(server: TestServer): Promise<TestDatabase> {
  const pool = {
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: await server.createDatabase(),
  };
  await migrate({
    pool,
    migrationsDirectory: `${prismaDirectory}/migrations`,
    grantsFile: `${prismaDirectory}/grants.sql`,
  });
  const open = new Map<Role, Database>();
  const as = (role: Role): Database => {
    const existing = open.get(role);
    if (existing !== undefined) return existing;
    const database = createDatabase({
      ...pool,
      // Every connection takes the role on, so that a missing grant fails here as it would in production.
      ...(role === 'owner' ? {} : { options: `-c role=${role}` }),
      max: 12,
      connectionTimeoutMillis: 5000,
      statement_timeout: 10_000,
      lock_timeout: 10_000,
    });
    open.set(role, database);
    return database;
  };
  return {
    as,
    async close() {
      for (const database of open.values()) await database.$disconnect();
    },
  };
}
