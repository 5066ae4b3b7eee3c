/** For this workspace's tests: a migrated database of its own, and connections as each process's role. */
import { fileURLToPath } from 'node:url';
import { migrate } from '@airlock/database/migrate';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { createDatabase, type Database } from '../adapters/postgres/client.ts';

export type Role = 'owner' | 'nonprod_web' | 'nonprod_scheduler' | 'nonprod_outbox';

export interface TestDatabase {
  /** Connected as that role, with the grants it has in production. */
  as(role: Role): Database;
  /** The connections of `as(role)`. */
  poolOf(role: Role): DatabasePool;
  connectionOf(role: Role): Parameters<typeof openPool>[0];
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
  const open = new Map<Role, { readonly database: Database; readonly pool: DatabasePool }>();
  const connectionOf = (role: Role) => ({
    ...pool,
    // Every connection takes the role on, so that a missing grant fails here as it would in production.
    ...(role === 'owner' ? {} : { options: `-c role=${role}` }),
    max: 12,
  });
  const opened = (role: Role): { readonly database: Database; readonly pool: DatabasePool } => {
    const existing = open.get(role);
    if (existing !== undefined) return existing;
    const pool = openPool(connectionOf(role));
    const made = { database: createDatabase(pool), pool };
    open.set(role, made);
    return made;
  };
  return {
    as: (role) => opened(role).database,
    poolOf: (role) => opened(role).pool,
    connectionOf,
    async close() {
      for (const each of open.values()) {
        await each.database.$disconnect();
        await each.pool.end();
      }
    },
  };
}
