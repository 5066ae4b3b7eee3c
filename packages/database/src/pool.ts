import pg from 'pg';

/** Connections to one database under one role. Services get it from here and do not know the driver. */
export type DatabasePool = pg.Pool;

/** One of them, for statements that belong together; given back with `release`. */
export type DatabaseConnection = pg.PoolClient;

/**
 * Connects on first use. A connection that breaks while it is idle is dropped and replaced at the next query; the error of
 * a query that runs comes to whoever runs it.
 */
export function openPool(config: pg.PoolConfig): DatabasePool {
  const pool = new pg.Pool(config);
  // Without a listener a server restart would end the process with an 'error' event of an idle connection.
  pool.on('error', () => {});
  return pool;
}
