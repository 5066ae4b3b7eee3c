/**
 * The gate's database as one process sees it, through that process's own role. Prisma stays in this directory: a
 * transaction leaves it as an empty token, which only the stores of the same database can turn back into a client.
 */
import { openPool, type DatabasePool } from '@airlock/database/pool';
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
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
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

/** Runs `work`; a violated unique index becomes a StoreError by the first name that stands in the violated index. */
export async function onDuplicate<T>(
  names: Readonly<Record<string, { code: StoreErrorCode; message: string }>>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const violated = violatedIndex(cause);
    if (violated === null) throw cause;
    for (const [name, error] of Object.entries(names)) {
      if (violated.includes(name)) throw new StoreError(error.code, error.message, { cause });
    }
    throw cause;
  }
}

/** Text that names the index or the columns; null when the error is no unique violation. */
function violatedIndex(cause: unknown): string | null {
  if (!(cause instanceof Prisma.PrismaClientKnownRequestError)) return null;
  // P2002 from the query builder; P2010 with SQLSTATE 23505 from raw SQL.
  if (cause.code !== 'P2002' && !cause.message.includes('23505')) return null;
  return `${JSON.stringify(cause.meta ?? {})} ${cause.message}`;
}
