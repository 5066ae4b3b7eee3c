import { PrismaPg } from '@prisma/adapter-pg';
import type { DatabasePool } from '@airlock/database/pool';
import { PrismaClient, type Prisma } from '../../generated/prisma/client.ts';

/** Stays within adapters/postgres: stores take it, and give domain types. */
export type Database = PrismaClient;
export type Transaction = Prisma.TransactionClient;

export function createDatabase(pool: DatabasePool): Database {
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}
