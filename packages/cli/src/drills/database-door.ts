/** The door of a database administrator, and of whoever found a password. */
import pg from 'pg';
import type { Account } from './target.ts';

export type Query = (
  text: string,
  values?: readonly unknown[],
) => Promise<Record<string, unknown>[]>;

/** Works on one connection, which is closed after. */
export async function asAccount<T>(
  { host, port, database, user, password }: Account,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...{ host, port, database, user, password },
    connectionTimeoutMillis: 5_000,
  });
  await client.connect();
  try {
    return await work(async (text, values = []) => {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
      return rows;
    });
  } finally {
    await client.end();
  }
}
