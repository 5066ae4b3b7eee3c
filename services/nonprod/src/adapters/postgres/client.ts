import { PrismaPg } from '@prisma/adapter-pg';
import type { DatabasePool } from '@airlock/database/pool';
import { createSql, inTransaction as inOne, type Sql } from '@airlock/database/sql';
import { createStatementNames } from '@airlock/database/statement-names';
import { PrismaClient, type Prisma } from '../../generated/prisma/client.ts';

/** Stays within adapters/postgres: stores take it, and give domain types. */
export type Database = PrismaClient;
export type Transaction = Prisma.TransactionClient;

const pools = new WeakMap<Database, DatabasePool>();

export function createDatabase(pool: DatabasePool): Database {
  const statementNameGenerator = createStatementNames();
  const db = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator }) });
  pools.set(db, pool);
  return db;
}

/** The same database without the ORM, for what every build asks. */
export function sqlOf(db: Database): Sql {
  return createSql(poolUnder(db));
}

/** All of the work, or none of it. */
export async function inTransaction<T>(db: Database, work: (sql: Sql) => Promise<T>): Promise<T> {
  return await inOne(poolUnder(db), work);
}

function poolUnder(db: Database): DatabasePool {
  const pool = pools.get(db);
  if (pool === undefined) throw new Error('a client that createDatabase did not make');
  return pool;
}
