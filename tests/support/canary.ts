/** A value that must be nowhere, and a search that knows the forms in which it could be somewhere. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Pair } from '@airlock/demo/pair';

export const newCanary = (): string => `canary${randomBytes(15).toString('hex')}`;

/** As bytes, in base64 wherever it begins, in hexadecimal digits, percent-encoded, and in UTF-16. */
export function formsOf(canary: string): Buffer[] {
  const bytes = Buffer.from(canary, 'utf8');
  const base64 = [0, 1, 2].map((offset) => {
    // The characters at both ends depend on what stands around.
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return text.slice(offset === 0 ? 0 : offset + 1, -4);
  });
  const hex = bytes.toString('hex');
  const percent = hex.replaceAll(/../g, '%$&');
  const texts = [canary, ...base64, hex, hex.toUpperCase(), percent, percent.toUpperCase()];
  return [...texts.map((text) => Buffer.from(text, 'latin1')), Buffer.from(canary, 'utf16le')];
}

/** Names of the places that hold the canary in any form. */
export function placesWith(canary: string, places: Iterable<readonly [string, Buffer]>): string[] {
  const forms = formsOf(canary);
  const found: string[] = [];
  for (const [name, bytes] of places) {
    if (forms.some((form) => bytes.includes(form))) found.push(name);
  }
  return found;
}

/** Every file below a directory: pages and write-ahead log of a Postgres, logs, configuration. */
export function* filesBelow(directory: string): Generator<readonly [string, Buffer]> {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      yield [path, readFileSync(path)];
    } catch (error) {
      // Postgres removes files of its own while it runs.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

/** Every row of every table, as a dump would have it. */
export async function dumpOf(
  pair: Pair,
  database: 'nonprod' | 'gate',
): Promise<(readonly [string, Buffer])[]> {
  const tables = await pair.query<{ name: string }>(
    database,
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
  );
  return await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await pair.query<{ row: string }>(
        database,
        `select t::text as row from ${name} t`,
      );
      const text = rows.map(({ row }) => row).join('\n');
      return [`${database}.${name}`, Buffer.from(text, 'utf8')] as const;
    }),
  );
}

/** Everything that a Redis holds, keys and values. */
export async function redisOf(url: string): Promise<readonly [string, Buffer]> {
  const keys = await commands(url, [['KEYS', '*']]);
  const names = [...keys.toString('utf8').matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(
    ([, name = '']) => name,
  );
  // A command for another type answers with an error, which is no hit.
  const reads = names.flatMap((name) => [
    ['GET', name],
    ['HGETALL', name],
    ['LRANGE', name, '0', '-1'],
    ['SMEMBERS', name],
    ['ZRANGE', name, '0', '-1'],
    ['XRANGE', name, '-', '+'],
  ]);
  return ['redis', Buffer.concat([keys, await commands(url, reads)])];
}

function commands(url: string, list: readonly (readonly string[])[]): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  const last = `end-${randomBytes(8).toString('hex')}`;
  const wire = [...list, ['ECHO', last]]
    .map((words) => [
      `*${words.length}\r\n`,
      ...words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`),
    ])
    .flat()
    .join('');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(wire));
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (!Buffer.concat(chunks).includes(last)) return;
      socket.destroy();
      resolve(Buffer.concat(chunks));
    });
  });
}
