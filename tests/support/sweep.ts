/** Looks for values wherever something of a running pair is written down, in every form in which they may stand there. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Pair } from '@airlock/demo/pair';
import { type RedisClient, connectRedis } from './redis.ts';

/** Where something was found, such as `file logs/gate-web.log` or `gate.delivery_log`, and what. */
export type Found = { readonly place: string; readonly value: string };

/** Files above it are Postgres's own segments of zeros and the packed repository; nothing of the gate's is that long. */
const longestFileBytes = 64 * 1024 * 1024;

/** As it is, and in base64 at each of the three places where it may begin within other text, in hexadecimal, in an address. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  const inner = [0, 1, 2].map((shift) =>
    // What stands before and after a value changes the characters at its edges, and only those.
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(shift === 0 ? 0 : shift + 1, (bytes.length + shift) % 3 === 0 ? undefined : -1),
  );
  return [
    ...new Set([
      value,
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      ...inner,
      ...inner.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ];
}

/** What to look for, in every form. */
export type Needles = readonly { readonly value: string; readonly forms: readonly string[] }[];

export const needlesOf = (values: Iterable<string>): Needles =>
  [...values].map((value) => ({ value, forms: formsOf(value) }));

/** The values that the text holds in one of their forms. */
export function valuesIn(text: string, needles: Needles): string[] {
  return needles
    .filter(({ forms }) => forms.some((form) => text.includes(form)))
    .map(({ value }) => value);
}

/** Environment and arguments of every process of this machine that may be read. */
export function sweepProcesses(needles: Needles): { found: Found[]; pids: Set<number> } {
  const found: Found[] = [];
  const pids = new Set<number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    for (const file of ['environ', 'cmdline']) {
      const text = textOf(`/proc/${name}/${file}`);
      if (text === null) continue;
      pids.add(Number(name));
      found.push(
        ...valuesIn(text, needles).map((value) => ({ place: `${file} of a process`, value })),
      );
    }
  }
  return { found, pids };
}

/** Every file of the pair: logs, work directories, stores, the engines' own files. */
export function sweepFiles(pair: Pair, needles: Needles): { found: Found[]; files: number } {
  const found: Found[] = [];
  const { directory } = pair.layout;
  let files = 0;
  for (const path of filesBelow(directory)) {
    const text = textOf(path);
    if (text === null) continue;
    files += 1;
    const place = `file ${relative(directory, path)}`;
    found.push(...valuesIn(text, needles).map((value) => ({ place, value })));
  }
  return { found, files };
}

/** Every row of every table, as a dump would show it. */
export async function sweepDatabases(
  pair: Pair,
  needles: Needles,
): Promise<{ found: Found[]; rows: number }> {
  const found: Found[] = [];
  let rows = 0;
  for (const database of ['gate', 'nonprod'] as const) {
    const tables = await pair.query<{ schema: string; name: string }>(
      database,
      `select schemaname as schema, tablename as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    for (const { schema, name } of tables) {
      const texts = await pair.query<{ text: string }>(
        database,
        `select to_jsonb(t)::text as text from "${schema}"."${name}" t`,
      );
      rows += texts.length;
      for (const { text } of texts) {
        const place = `${database}.${name}`;
        found.push(...valuesIn(text, needles).map((value) => ({ place, value })));
      }
    }
  }
  return { found, rows };
}

export async function sweepRedis(
  pair: Pair,
  needles: Needles,
): Promise<{ found: Found[]; keys: number }> {
  const [nonprod, gate] = await Promise.all([
    sweepOne(pair.redis.nonprod.url, needles),
    sweepOne(pair.redis.gate.url, needles),
  ]);
  return { found: [...nonprod.found, ...gate.found], keys: nonprod.keys + gate.keys };
}

async function sweepOne(url: string, needles: Needles): Promise<{ found: Found[]; keys: number }> {
  const redis = await connectRedis(url);
  const found: Found[] = [];
  try {
    const keys = (await redis.ask('KEYS', '*')) as string[];
    for (const key of keys) {
      const text = `${key} ${JSON.stringify(await contentOf(redis, key))}`;
      found.push(...valuesIn(text, needles).map((value) => ({ place: `redis ${key}`, value })));
    }
    return { found, keys: keys.length };
  } finally {
    redis.end();
  }
}

async function contentOf(redis: RedisClient, key: string): Promise<unknown> {
  const type = await redis.ask('TYPE', key);
  switch (type) {
    case 'string':
      return redis.ask('GET', key);
    case 'hash':
      return redis.ask('HGETALL', key);
    case 'list':
      return redis.ask('LRANGE', key, '0', '-1');
    case 'set':
      return redis.ask('SMEMBERS', key);
    case 'zset':
      return redis.ask('ZRANGE', key, '0', '-1');
    case 'stream':
      return redis.ask('XRANGE', key, '-', '+');
    case 'none':
      // Gone since it was listed.
      return null;
    default:
      throw new Error(`a key of type ${String(type)}: teach the sweep to read it`);
  }
}

function* filesBelow(directory: string): Generator<string> {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    // Gone since it was listed: the directory of a build, or of a hook.
    return;
  }
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** One character a byte, so that no byte is lost; null for what is gone, not ours to read, or too long. */
function textOf(path: string): string | null {
  try {
    if (statSync(path).size > longestFileBytes) return null;
    return readFileSync(path).toString('latin1');
  } catch {
    return null;
  }
}
