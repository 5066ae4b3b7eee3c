/**
 * The database secrets engine for Postgres: dynamic roles that are really made and really dropped, with the role's own
 * statements. Vault's default revocation statements are not imitated: a role must bring its own.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { z } from 'zod';
import {
  ApiFailure,
  TextList,
  Ttl,
  answer,
  multierror,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Leases } from '../leases.ts';

const Connection = z.object({
  plugin_name: z.literal('postgresql-database-plugin'),
  connection_url: z.string().min(1),
  username: z.string().default(''),
  password: z.string().default(''),
  allowed_roles: TextList.default([]),
  verify_connection: z.boolean().default(true),
});
type Connection = z.infer<typeof Connection>;

const Statements = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [value].flat())
  .pipe(z.array(z.string()).min(1, 'this stand-in needs statements of its own'));

const Role = z.object({
  db_name: z.string().min(1),
  creation_statements: Statements,
  revocation_statements: Statements,
  default_ttl: Ttl.default(0),
  max_ttl: Ttl.default(0),
});
type Role = z.infer<typeof Role>;

const defaultTtlSeconds = 768 * 3600;
/** Vault lets a role outlive its lease a little, so that the drop and not the clock ends it. */
const graceSeconds = 5;

export function createDatabaseEngine({
  mount,
  clock,
  leases,
  isReachable,
}: {
  mount: string;
  clock: Clock;
  leases: Leases;
  /** False while a test says that no database answers. */
  isReachable: () => boolean;
}): Backend {
  const connections = new Map<string, Connection>();
  const roles = new Map<string, Role>();
  const run: typeof runStatements = (connection, statements, values) =>
    isReachable()
      ? runStatements(connection, statements, values)
      : Promise.reject(new ApiFailure(500, multierror('failed to connect: connection refused')));

  async function issue(roleName: string, token: Call['token']) {
    if (token === null) throw new ApiFailure(403, 'permission denied');
    const role = roles.get(roleName);
    if (role === undefined) throw new ApiFailure(400, `unknown role: ${roleName}`);
    const connection = connections.get(role.db_name);
    if (connection === undefined) {
      throw new ApiFailure(
        500,
        multierror(`failed to find entry for connection with name: "${role.db_name}"`),
      );
    }
    if (!connection.allowed_roles.includes('*') && !connection.allowed_roles.includes(roleName)) {
      throw new ApiFailure(500, multierror(`"${roleName}" is not an allowed role`));
    }
    const limits = [role.max_ttl].filter((limit) => limit > 0);
    const ttlSeconds = Math.min(role.default_ttl || defaultTtlSeconds, ...limits);
    const username = makeUsername({ displayName: token.displayName, roleName, now: clock.now() });
    const password = `A1a-${randomBytes(12).toString('hex')}`;
    const expiration = formatExpiration(clock.now() + (ttlSeconds + graceSeconds) * 1000);
    await run(connection, role.creation_statements, { username, password, expiration });
    const path = `${mount}/creds/${roleName}`;
    const lease = leases.add({
      id: `${path}/${randomBytes(12).toString('hex')}`,
      path,
      tokenId: token.id,
      ttlSeconds,
      renewable: true,
      undo: () =>
        run(connections.get(role.db_name) ?? connection, role.revocation_statements, { username }),
    });
    return answer({
      lease_id: lease.id,
      renewable: true,
      lease_duration: ttlSeconds,
      data: { username, password },
    });
  }

  async function configure(name: string, body: Record<string, unknown>) {
    const connection = readBody(Connection, body);
    if (connection.verify_connection) {
      await run(connection, ['SELECT 1'], {}).catch((error: unknown) => {
        throw new ApiFailure(
          400,
          `error creating database object: error verifying connection: ${error instanceof Error ? error.message : 'unknown'}`,
        );
      });
    }
    connections.set(name, connection);
    return noContent;
  }

  return ({ operation, path, body, token }) => {
    const [, kind, name] = /^(config|roles|creds)\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) throw unsupportedPath();
    if (kind === 'creds') {
      if (operation !== 'read') throw unsupportedOperation();
      return issue(name, token);
    }
    if (kind === 'config' && operation === 'update') return configure(name, body);
    if (kind === 'roles' && operation === 'update') {
      roles.set(name, readBody(Role, body));
      return noContent;
    }
    if (operation === 'delete') {
      (kind === 'config' ? connections : roles).delete(name);
      return noContent;
    }
    if (operation !== 'read') throw unsupportedOperation();
    if (kind === 'roles') {
      const role = roles.get(name);
      if (role === undefined) throw new ApiFailure(404);
      return answer({ data: role });
    }
    const connection = connections.get(name);
    if (connection === undefined) throw new ApiFailure(404);
    const { plugin_name, allowed_roles, connection_url, username } = connection;
    // The password is written and never read back, as in Vault.
    return answer({
      data: { plugin_name, allowed_roles, connection_details: { connection_url, username } },
    });
  };
}

/** `v-<who>-<role>-<random>-<time>`, cut to what Postgres takes as a name. */
function makeUsername({
  displayName,
  roleName,
  now,
}: {
  displayName: string;
  roleName: string;
  now: number;
}): string {
  const random = randomBytes(10).toString('hex');
  return `v-${displayName.slice(0, 8)}-${roleName.slice(0, 8)}-${random}-${Math.floor(now / 1000)}`.slice(
    0,
    63,
  );
}

/** `2006-01-02 15:04:05-0700` */
function formatExpiration(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}+0000`;
}

/** Runs the statements in one transaction; each is split at semicolons, as Vault does, so a `$$` body cannot be sent. */
async function runStatements(
  connection: Connection,
  statements: readonly string[],
  values: { username?: string; password?: string; expiration?: string },
): Promise<void> {
  const url = connection.connection_url
    .replaceAll('{{username}}', encodeURIComponent(connection.username))
    .replaceAll('{{password}}', encodeURIComponent(connection.password));
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  // A connection that Postgres ends later is reported by the query that needs it.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('BEGIN');
    for (const statement of statements.flatMap((text) => text.split(';'))) {
      if (statement.trim() === '') continue;
      await client.query(fill(statement, values));
    }
    await client.query('COMMIT');
  } catch (error) {
    throw new ApiFailure(
      500,
      multierror(`failed to execute query: ${error instanceof Error ? error.message : 'unknown'}`),
    );
  } finally {
    await client.end().catch(() => {});
  }
}

function fill(
  statement: string,
  values: { username?: string; password?: string; expiration?: string },
): string {
  const { username, password, expiration } = values;
  let text = statement;
  for (const [name, value] of Object.entries({ name: username, username, password, expiration })) {
    if (value !== undefined) text = text.replaceAll(`{{${name}}}`, value);
  }
  return text;
}
