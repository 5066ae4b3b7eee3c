import { AirlockError } from '@airlock/common/errors';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export type ConnectionErrorCode =
  'configuration-database-unreachable' | 'configuration-database-refused';

/** The code begins with `configuration-`: the process that throws it while starting exits 78. */
export class ConnectionError extends AirlockError<ConnectionErrorCode> {}

const startingUpWithinMs = 10_000;

/**
 * Connects once and makes one query, so that a wrong setting is one clear message at the start and not a failure in the first request.
 * A server that is still starting up is waited for, 10 s at most.
 *
 * @param settingName where the settings stand in the configuration, such as `database`.
 * @throws ConnectionError `configuration-database-unreachable` when nothing answers at host and port;
 *   `configuration-database-refused` when it answers and does not let us in. Both name host, port, database, user,
 *   the setting and what to do.
 */
export async function assertReachable(pool: pg.Pool, settingName: string): Promise<void> {
  const deadline = performance.now() + startingUpWithinMs;
  for (;;) {
    try {
      await connectOnce(pool.options);
      return;
    } catch (cause) {
      if (codeOf(cause) !== '57P03' || performance.now() > deadline) {
        throw explain(pool.options, settingName, cause);
      }
      await sleep(100);
    }
  }
}

// Not through the pool: it leaves the socket of a connection that failed while authenticating open, and for a minute
// that keeps this process alive and others from dropping a database.
async function connectOnce(options: pg.PoolOptions): Promise<void> {
  const client = new pg.Client({
    connectionTimeoutMillis: 5_000,
    ...options,
    password: options.password,
  });
  // The failure is connect()'s answer; the same one arrives here once more when the socket is closed.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end();
  }
}

function explain(options: pg.PoolOptions, setting: string, cause: unknown): ConnectionError {
  const { host = 'localhost', port = 5432, user = '', database = '' } = options;
  const address = `${host}:${port}`;
  const refused = (what: string): ConnectionError =>
    new ConnectionError(
      'configuration-database-refused',
      `${setting}: Postgres at ${address} ${what}`,
      { cause },
    );
  const words = cause instanceof Error ? cause.message : String(cause);
  switch (codeOf(cause)) {
    case '28P01':
      return refused(
        `refused the password of "${user}"; correct ${setting}.passwordFile, ` +
          `or set the password: alter role ${user} password '…'`,
      );
    case '28000':
      return refused(
        `does not let "${user}" in (${words}); correct ${setting}.user, give the role LOGIN, or add a line to pg_hba.conf`,
      );
    case '3D000':
      return refused(
        `has no database "${database}"; correct ${setting}.name, or create it and apply the migrations`,
      );
    case '42501':
      return refused(
        `does not let "${user}" connect to "${database}"; grant connect on database ${database} to ${user}`,
      );
    case '53300':
      return refused('has no connection left; raise max_connections or run fewer processes');
    case '57P03':
      return refused(
        `has been starting up or recovering for ${startingUpWithinMs / 1000} s; look at its log`,
      );
    default:
  }
  if (/password must be a (non-empty )?string/.test(words)) {
    return refused(
      `asks for the password of "${user}" and none is set; set ${setting}.passwordFile`,
    );
  }
  return new ConnectionError(
    'configuration-database-unreachable',
    `${setting}: no Postgres answers at ${address} (${codeOf(cause) ?? words}); ` +
      `start it, or correct ${setting}.host and ${setting}.port`,
    { cause },
  );
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : undefined;
}
