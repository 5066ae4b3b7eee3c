/** Statements as they are written, for what is asked often: an ORM takes longer to word a question than Postgres to answer it. */
import type { DatabaseConnection, DatabasePool } from './pool.ts';

/**
 * Asks Postgres, in one statement: each value becomes a parameter, and the text is parsed and planned once a connection.
 * Values are the driver's: an array is an array of Postgres's and an object JSON; a `bigint` column comes as text.
 *
 * @returns its rows; none of a statement that returns nothing.
 */
export type Sql = <Row = object>(
  text: TemplateStringsArray,
  ...values: readonly unknown[]
) => Promise<Row[]>;

interface Statement {
  readonly name: string;
  readonly text: string;
}

/** By the place in the source: each has one array of its own. */
const statements = new WeakMap<TemplateStringsArray, Statement>();
let named = 0;

export function createSql(connection: Pick<DatabaseConnection, 'query'>): Sql {
  return async <Row>(text: TemplateStringsArray, ...values: readonly unknown[]): Promise<Row[]> => {
    const { rows } = await connection.query({ ...statementOf(text), values: [...values] });
    // Whoever wrote the statement says what its rows are.
    return rows as Row[];
  };
}

/** All of the work, or none of it. @throws what it throws. */
export async function inTransaction<T>(
  pool: DatabasePool,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  let isBroken = true;
  try {
    await connection.query('begin');
    const result = await work(createSql(connection));
    await connection.query('commit');
    isBroken = false;
    return result;
  } catch (cause) {
    await connection.query('rollback').catch(() => undefined);
    throw cause;
  } finally {
    // A connection whose transaction failed half-way is not given to the next.
    connection.release(isBroken);
  }
}

function statementOf(text: TemplateStringsArray): Statement {
  const known = statements.get(text);
  if (known !== undefined) return known;
  named += 1;
  const made = {
    name: `sql-${named}`,
    text: text.reduce((before, part, index) => `${before}$${index}${part}`),
  };
  statements.set(text, made);
  return made;
}
