import { PrismaPg } from '@prisma/adapter-pg';
import type { DatabasePool } from '@airlock/database/pool';
import { createStatementNames } from '@airlock/database/statement-names';
import { PrismaClient, type Prisma } from '../../generated/prisma/client.ts';

/** Stays within adapters/postgres: stores take it, and give domain types. */
export type Database = PrismaClient;
export type Transaction = Prisma.TransactionClient;

export function createDatabase(pool: DatabasePool): Database {
  const statementNameGenerator = createStatementNames();
  return new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator }) });
}
