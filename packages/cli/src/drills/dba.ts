/** What a database administrator of nonprod reads, who has every row and neither a key nor a file of a process. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import { asAccount } from './database-door.ts';
import { all, type Drill, type Way } from './drill.ts';
import { plant } from './secrets.ts';
import { push, pipelineOf, runOf } from './build-door.ts';

const Token = z.object({ id: z.string(), token: z.string() });
const JoinToken = z.object({ token: z.string() });

/** As a row shows it: text, of which only the end is looked for because rows quote, and bytes in hexadecimal. */
export function shapes(value: string): readonly string[] {
  const end = value.slice(-24);
  const base64 = Buffer.from(value).toString('base64').slice(4, 32);
  return [end, Buffer.from(end).toString('hex'), base64];
}

const read: Drill = {
  id: 'dba-read',
  controls: ['V19', 'V27', 'B44', 'M4'],
  attacker: 'dba',
  attack:
    'looks in every row of nonprod’s database for a secret, for it in a build that used it, and for tokens of people and runners',
  async run(target) {
    const oke = await signedIn(target.nonprod, 'oke');
    const secret = await plant(target);
    const commands = ['test -n "$TOKEN"', 'echo "$TOKEN"', 'sh package.sh'];
    const step = { commands, environment: { TOKEN: { from_secret: 'DRILL_CANARY' } } };
    const commit = await push(target, { files: { '.woodpecker.yaml': pipelineOf(step) } });
    const run = await runOf(target, commit);
    const wish = { name: 'drill dba-read', scopes: ['read'], days: 1, networks: [] };
    const { id, token } = Token.parse(await oke.postJson('/api/v1/tokens', wish));
    const name = `drill-${randomBytes(4).toString('hex')}`;
    const join = JoinToken.parse(
      await oke.postJson('/api/v1/runners/tokens', { pool: target.pool, runner: name, once: true }),
    );
    const marker = `drill ${randomBytes(8).toString('hex')}`;
    const branch = `refs/heads/${marker.replace(' ', '-')}`;
    await runOf(target, await push(target, { ref: branch, message: marker, files: {} }));
    try {
      const found = await look(target, [
        ['the secret', secret],
        ['the token of a person', token.slice(4)],
        ['the token for a runner', join.token.split('.')[1] ?? ''],
        // What is not secret is found, so that looking is shown to find.
        ['the message of a commit', marker],
      ]);
      const ways: Way[] = found.map(({ way, tables, rows }) => {
        const held = way === 'the message of a commit' ? tables.length > 0 : tables.length === 0;
        return {
          way,
          held,
          answer: tables.length === 0 ? `in none of ${rows} rows` : `in ${tables.join(', ')}`,
        };
      });
      ways.push({ way: 'a build that used it', held: run.state === 'passed', answer: run.state });
      return all(ways);
    } finally {
      await oke.postJson(`/api/v1/tokens/${id}/revoke`, {});
    }
  },
};

async function look(
  { owned }: Parameters<Drill['run']>[0],
  wanted: readonly (readonly [way: string, value: string])[],
): Promise<{ way: string; tables: string[]; rows: number }[]> {
  const [web] = owned.accounts;
  if (web === undefined) throw new Error('no account of nonprod is known');
  return asAccount({ ...owned.superuser, database: web.database }, async (query) => {
    const found = wanted.map(([way, value]) => ({ way, value, tables: new Set<string>() }));
    let rows = 0;
    const tables = await query(
      `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    for (const { name } of tables) {
      const table = String(name);
      const content = await query(`select t::text as row from ${pgName(table)} t`);
      rows += content.length;
      for (const { row } of content) {
        for (const { value, tables: where } of found) {
          if (shapes(value).some((shape) => String(row).includes(shape))) where.add(table);
        }
      }
    }
    return found.map(({ way, tables: where }) => ({ way, tables: [...where], rows }));
  });
}

const pgName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const dbaDrills: readonly Drill[] = [read];
