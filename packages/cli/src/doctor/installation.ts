/** What `airlock doctor` looks at: the process configurations below a directory, and what a check says of them. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type pg from 'pg';
import { parse } from 'yaml';

export interface Finding {
  readonly id: string;
  readonly status: 'pass' | 'fail' | 'skip';
  readonly summary: string;
  /** What to do; present when the status is fail. */
  readonly howToFix?: string;
}

export interface Installation {
  readonly directory: string;
  readonly files: readonly { readonly path: string; readonly content: Record<string, unknown> }[];
}

export type Outcome = Omit<Finding, 'id'>;
export const pass = (summary: string): Outcome => ({ status: 'pass', summary });
export const fail = (summary: string, howToFix: string): Outcome => ({
  status: 'fail',
  summary,
  howToFix,
});
export const skip = (summary: string): Outcome => ({ status: 'skip', summary });

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Reads every configuration below `directory`; a file that is no YAML mapping is reported by the `configuration` check. */
export async function readInstallation(directory: string): Promise<Installation> {
  const files: { path: string; content: Record<string, unknown> }[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.yaml')) continue;
    const path = join(entry.parentPath, entry.name);
    let content: unknown = null;
    try {
      content = parse(await readFile(path, 'utf8'), { maxAliasCount: 0 });
    } catch {
      // Reported by the check `configuration`, which parses again and says what is wrong.
    }
    files.push({ path, content: isRecord(content) ? content : {} });
  }
  return { directory, files };
}

/** Every distinct value of a block name, with the files that hold it. */
export function blocks(
  installation: Installation,
  name: string,
): { value: Record<string, unknown>; file: string }[] {
  const found = new Map<string, { value: Record<string, unknown>; file: string }>();
  for (const { path, content } of installation.files) {
    const value = content[name];
    if (isRecord(value) && !found.has(JSON.stringify(value)))
      found.set(JSON.stringify(value), { value, file: path });
  }
  return [...found.values()];
}

/** Values of every key that ends in `File`, as absolute paths. */
function referencedFiles(value: unknown, base: string): { key: string; path: string }[] {
  if (Array.isArray(value)) return value.flatMap((each) => referencedFiles(each, base));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'string' && (key.endsWith('File') || /[.](pem|key)$/.test(inner))
      ? [{ key, path: resolve(base, inner) }]
      : referencedFiles(inner, base),
  );
}

export const allFiles = (
  installation: Installation,
): { key: string; path: string; from: string }[] =>
  installation.files.flatMap(({ path, content }) =>
    referencedFiles(content, dirname(path)).map((found) => ({ ...found, from: path })),
  );

/** Looks at an installation and changes nothing. */
export type Check = (installation: Installation) => Promise<Outcome>;

/** The demo has one host and one user for both sides, and writes this beside its configurations. */
export const isDemo = ({ directory }: Installation): boolean =>
  existsSync(join(directory, '..', 'context.json'));

/** How a process signs in to its database. */
export async function connectionOf(block: {
  value: Record<string, unknown>;
  file: string;
}): Promise<pg.ClientConfig> {
  const { host, port, name, user, passwordFile } = block.value;
  return {
    host: String(host),
    port: Number(port),
    database: String(name),
    user: String(user),
    ...(typeof passwordFile === 'string'
      ? { password: (await readFile(resolve(dirname(block.file), passwordFile), 'utf8')).trim() }
      : {}),
  };
}
