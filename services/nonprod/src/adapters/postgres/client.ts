import { PrismaPg } from '@prisma/adapter-pg';
import type { DatabasePoolConfig } from '@airlock/process/settings';
import { PrismaClient, type Prisma } from '../../generated/prisma/client.ts';

/** Stays within adapters/postgres: stores take it, and give domain types. */
export type Database = PrismaClient;
export type Transaction = Prisma.TransactionClient;

export function createDatabase(pool: DatabasePoolConfig): Database {
  return new PrismaClient({ adapter: new PrismaPg(pool), log: [] });
}
