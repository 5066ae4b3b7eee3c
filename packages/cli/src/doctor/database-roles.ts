/** Whether the database lets in only whom it should, and lets each process do only what it needs. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  blocks,
  connectionOf,
  fail,
  isRecord,
  messageOf,
  pass,
  skip,
  type Check,
  type Outcome,
} from './installation.ts';

/** More administrators than these are more than anybody watches. */
const maxAdmins = 3;

async function asRole<T>(
  connection: pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What a role has that no process needs. */
const excess = `select array_remove(array[
    case when rolsuper then 'superuser' end,
    case when rolcreaterole then 'createrole' end,
    case when rolcreatedb then 'createdb' end,
    case when rolreplication then 'replication' end,
    case when rolbypassrls then 'bypassrls' end,
    case when exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relowner = r.oid and n.nspname = 'public') then 'owns tables' end,
    case when has_schema_privilege('public', 'create') then 'create in schema public' end,
    case when exists (select from pg_auth_members m where m.member = r.oid) then 'member of another role' end
  ], null) as excess,
  (select count(*)::int from pg_tables t where t.schemaname = 'public'
    and has_table_privilege(format('%I.%I', t.schemaname, t.tablename), 'insert, update, delete')) as writes
  from pg_roles r where rolname = current_user`;
const Roster = z.looseObject({
  people: z.array(z.looseObject({ roles: z.array(z.string()) })),
});
const Held = z.array(z.object({ excess: z.array(z.string()), writes: z.number() }));

async function leastPrivilege(installation: Parameters<Check>[0]): Promise<Outcome> {
  const found = blocks(installation, 'database');
  if (found.length === 0) return skip('no database block');
  const lines: string[] = [];
  for (const block of found) {
    const user = String(block.value['user']);
    try {
      const [held] = await asRole(await connectionOf(block), async (client) =>
        Held.parse((await client.query(excess)).rows),
      );
      if (held === undefined) throw new Error('pg_roles does not show the role itself');
      if (held.excess.length > 0) {
        return fail(
          `${user} of ${block.file}: ${held.excess.join(', ')}`,
          `As the database’s owner take it away: alter role ${user} nosuperuser nocreaterole nocreatedb noreplication nobypassrls; then apply grants.sql again.`,
        );
      }
      lines.push(`${user} writes ${held.writes} tables`);
    } catch (error) {
      return fail(`${user}: ${messageOf(error)}`, 'Mend what the check postgres names.');
    }
  }
  return pass(lines.join(', '));
}

/** By trying it: what pg_hba.conf says is not for a process to read, and what counts is who gets in. */
async function passwordsCount(installation: Parameters<Check>[0]): Promise<Outcome> {
  const found = blocks(installation, 'database');
  if (found.length === 0) return skip('no database block');
  const asked: string[] = [];
  for (const block of found) {
    const own = await connectionOf(block);
    for (const user of new Set([String(own.user), 'postgres', 'airlock'])) {
      const where = `${user} at ${String(own.host)}:${String(own.port)}`;
      const wrong = randomBytes(12).toString('hex');
      try {
        await asRole({ ...own, user, password: wrong }, () => Promise.resolve());
        return fail(
          `${where} is let in with a password that nobody set`,
          'Replace trust in pg_hba.conf by scram-sha-256, or by cert for TLS, and reload the server.',
        );
      } catch (error) {
        // 28P01 and 28000: refused by who it is. Anything else is no refusal.
        const code = isRecord(error) ? String(error['code']) : '';
        if (code !== '28P01' && code !== '28000') {
          return fail(`${where}: ${messageOf(error)}`, 'Mend what the check postgres names.');
        }
        asked.push(where);
      }
    }
  }
  return pass(`${new Set(asked).size} accounts are refused without their password`);
}

async function admins(installation: Parameters<Check>[0]): Promise<Outcome> {
  const told: string[] = [];
  for (const { path, content } of installation.files) {
    const groups = content['groups'];
    const database = content['database'];
    if (isRecord(groups) && isRecord(database)) {
      const platform = Object.entries(groups).flatMap(([group, role]) =>
        role === 'platform' ? [group] : [],
      );
      const connection = await connectionOf({ value: database, file: path });
      const count = await asRole(connection, async (client) => {
        const { rows } = await client.query<{ count: number }>(
          'select count(*)::int as count from person where groups && $1::text[]',
          [platform],
        );
        return rows[0]?.count ?? 0;
      });
      told.push(`${count} at nonprod`);
      if (count > maxAdmins)
        return tooMany(count, 'nonprod', `groups ${platform.join(', ')} at the identity provider`);
    }
    const files = content['files'];
    if (isRecord(files) && typeof files['directory'] === 'string') {
      const roster = join(files['directory'], 'roster.yaml');
      const count = Roster.parse(parse(await readFile(roster, 'utf8'))).people.filter(({ roles }) =>
        roles.includes('platform'),
      ).length;
      told.push(`${count} at the gate`);
      if (count > maxAdmins) return tooMany(count, 'the gate', roster);
    }
  }
  return told.length === 0
    ? skip('neither people of nonprod nor a roster of the gate here')
    : pass(`administrators: ${[...new Set(told)].join(', ')}; at most ${maxAdmins}`);
}

const tooMany = (count: number, where: string, place: string): Outcome =>
  fail(
    `${count} people have the platform role at ${where}, more than ${maxAdmins}`,
    `Take it from those who do not need it every week, in ${place}.`,
  );

export const databaseChecks: Readonly<Record<string, Check>> = {
  'least-priv': leastPrivilege,
  'pg-hba': passwordsCount,
  admins,
};
