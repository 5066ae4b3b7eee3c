import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError, FilePath } from './config.ts';

export const DatabaseSettings = z.strictObject({
  host: z.string().min(1).describe('Host name or address of Postgres. Example: 127.0.0.1.'),
  port: z.int().min(1).max(65535).describe('Port of Postgres (1 to 65535). Usually 5432.'),
  name: z.string().min(1).max(63).describe('Name of the database (1 to 63 characters).'),
  user: z
    .string()
    .min(1)
    .max(63)
    .describe("This process's own database role (1 to 63 characters); no two processes share one."),
  passwordFile: FilePath.optional().describe(
    'File that holds the password of that role, one line. Left out: no password is sent.',
  ),
});
export type DatabaseSettings = z.infer<typeof DatabaseSettings>;

export const RedisSettings = z
  .strictObject({
    url: z
      .string()
      .regex(/^rediss?:\/\//, 'expected redis:// or rediss://')
      .describe('Where Redis is, as redis://[user:password@]host:port[/database].'),
  })
  .nullable()
  .describe(
    'The doorbell, { url }. null: none, and work is found by timers alone (slower, never less).',
  );
export type RedisSettings = z.infer<typeof RedisSettings>;

/** What `new pg.Pool` and Prisma's pg adapter take. Times in milliseconds. */
export type DatabasePoolConfig = {
  host: string;
  port: number;
  database: string;
  user: string;
  password?: string;
  max: number;
  connectionTimeoutMillis: number;
  statement_timeout: number;
  lock_timeout: number;
};

/**
 * Turns settings into connection parameters; reads the password file once.
 *
 * A statement may take 5 s and wait 2 s for a lock: a database that is slower than that answers with an error,
 * which callers retry, and never with a process that hangs.
 *
 * @throws ConfigurationError `configuration-unreadable` when the password file cannot be read or is empty.
 */
export function poolConfig(settings: DatabaseSettings): DatabasePoolConfig {
  return {
    host: settings.host,
    port: settings.port,
    database: settings.name,
    user: settings.user,
    ...(settings.passwordFile === undefined ? {} : { password: readSecret(settings.passwordFile) }),
    max: 8,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 5_000,
    lock_timeout: 2_000,
  };
}

function readSecret(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `passwordFile: cannot read ${file} (${cause instanceof Error ? cause.message : 'unknown error'}); ` +
        'create it, readable by the user this process runs as',
      { cause },
    );
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') {
    throw new ConfigurationError(
      'configuration-unreadable',
      `passwordFile: ${file} is empty; write the password of the database role into it`,
    );
  }
  return secret;
}
