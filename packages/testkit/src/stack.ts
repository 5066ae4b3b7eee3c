/**
 * The one Postgres and the one Redis that all integration tests of a run share: named by `AIRLOCK_TEST_POSTGRES`
 * (JSON: host, port, user, password) and `AIRLOCK_TEST_REDIS` (URL), which `npm test` sets. A test file run alone
 * starts its own and they end with it.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

const Connection = z.object({
  host: z.string(),
  port: z.int(),
  user: z.string(),
  password: z.string(),
});

export type TestDatabase = {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
};

export type TestPostgres = Omit<TestDatabase, 'database'> & {
  /** Creates an empty database with a name of its own and returns the name. */
  createDatabase: () => Promise<string>;
};

let postgres: Promise<TestPostgres> | null = null;
let redis: Promise<string> | null = null;

/** The superuser's way into the shared Postgres; the same one at every call in this process. */
export function testPostgres(): Promise<TestPostgres> {
  postgres ??= reachPostgres();
  return postgres;
}

/** The URL of the shared Redis; the same one at every call in this process. */
export function testRedisUrl(): Promise<string> {
  redis ??= reachRedis();
  return redis;
}

/** Gives `work` an empty database of its own and drops it afterwards. */
export async function withPostgres<T>(work: (database: TestDatabase) => Promise<T>): Promise<T> {
  const { host, port, user, password, createDatabase } = await testPostgres();
  const connection = { host, port, user, password };
  const database = await createDatabase();
  try {
    return await work({ ...connection, database });
  } finally {
    await withClient({ ...connection, database: 'postgres' }, (client) =>
      client.query(`drop database if exists ${client.escapeIdentifier(database)} with (force)`),
    );
  }
}

async function withClient<T>(
  connection: TestDatabase,
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

async function reachPostgres(): Promise<TestPostgres> {
  const shared = process.env['AIRLOCK_TEST_POSTGRES'];
  const connection =
    shared === undefined ? await startPrivate() : Connection.parse(JSON.parse(shared));
  return {
    ...connection,
    createDatabase: async () => {
      const name = `airlock_test_${randomBytes(6).toString('hex')}`;
      await withClient({ ...connection, database: 'postgres' }, (client) =>
        client.query(`create database ${client.escapeIdentifier(name)}`),
      );
      return name;
    },
  };
}

async function startPrivate(): Promise<Omit<TestDatabase, 'database'>> {
  const directory = privateDirectory();
  const { host, port, superuser, password } = await startPostgres({
    directory,
    removeDirectoryAtEnd: true,
  });
  return { host, port, user: superuser, password };
}

async function reachRedis(): Promise<string> {
  const shared = process.env['AIRLOCK_TEST_REDIS'];
  if (shared !== undefined) return shared;
  const { url } = await startRedis({ directory: privateDirectory(), removeDirectoryAtEnd: true });
  return url;
}

function privateDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-stack-'));
  // The server's user, nobody when we are root, has to get in.
  chmodSync(directory, 0o755);
  return directory;
}
