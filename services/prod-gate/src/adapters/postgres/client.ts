/**
 * The gate's database as one process sees it, through that process's own role. Prisma stays in this directory: a
 * transaction leaves it as an empty token, which only the stores of the same database can turn back into a client.
 */
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { createStatementNames } from '@airlock/database/statement-names';
import { poolConfig, type DatabaseSettings } from '@airlock/process/settings';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  StoreError,
  type StoreErrorCode,
  type Transaction,
  type Transactor,
} from '../../app/ports.ts';
import { Prisma, PrismaClient } from '../../generated/prisma/client.ts';

const transactionLimits = { maxWait: 5_000, timeout: 10_000 };

export type GateDatabase = Transactor & {
  readonly prisma: PrismaClient;
  /** The connections below Prisma, for who speaks SQL: the check at the start, and web's sessions. */
  readonly pool: DatabasePool;
  close(): Promise<void>;
};

const clients = new WeakMap<Transaction, Prisma.TransactionClient>();

/** Connects on first use; whether Postgres answers is `assertReachable`'s question. */
export function openDatabase(settings: DatabaseSettings): GateDatabase {
  const pool = openPool(poolConfig(settings));
  const adapter = new PrismaPg(pool, { statementNameGenerator: createStatementNames() });
  const prisma = new PrismaClient({ adapter });
  return {
    prisma,
    pool,
    transaction: (work) =>
      prisma.$transaction(async (client) => {
        const tx: Transaction = { startedAt: new Date() };
        clients.set(tx, client);
        try {
          return await work(tx);
        } finally {
          clients.delete(tx);
        }
      }, transactionLimits),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** The client of a transaction that is still open; a token kept beyond its transaction is a bug and throws. */
export function clientOf(tx: Transaction): Prisma.TransactionClient {
  const client = clients.get(tx);
  if (client === undefined) throw new Error('this transaction has ended or is of another database');
  return client;
}

/** Runs `work`; a violation of one of these unique indexes becomes a StoreError. */
export async function onDuplicate<T>(
  indexes: Readonly<Record<string, { code: StoreErrorCode; message: string }>>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const error = indexes[violatedIndex(cause) ?? ''];
    if (error === undefined) throw cause;
    throw new StoreError(error.code, error.message, { cause });
  }
}

/** Name of the index; null when the error is no unique violation. Prisma gives the name in its message alone. */
function violatedIndex(cause: unknown): string | null {
  if (!(cause instanceof Prisma.PrismaClientKnownRequestError) || cause.code !== 'P2002') {
    return null;
  }
  return /Unique constraint failed on the constraint: `([a-z_]+)`/.exec(cause.message)?.[1] ?? null;
}
