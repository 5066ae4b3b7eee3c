/** What a configuration file says, in one digest: whoever reads a line of a log knows under which settings it was written. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { parse } from 'yaml';

/**
 * A value as it may be shown: keys in the order of their code units, and nothing that lets anybody in. Passwords and keys stand
 * in files of their own; what is left is who signs in within a URL, and values of keys that are called a secret.
 */
export type Shown = null | boolean | number | string | readonly Shown[] | ShownMap;
export interface ShownMap {
  readonly [key: string]: Shown;
}

const hidden = '(not shown)';
const signInOfUrl = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i;
const isSecretName = (key: string): boolean => /(secret|password|passphrase|token)$/i.test(key);

function shown(value: unknown, key: string): Shown {
  if (Array.isArray(value)) return value.map((each) => shown(each, key));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([name, inner]) => [name, shown(inner, name)] as const,
    );
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (typeof value === 'boolean' || typeof value === 'number') return value;
  // YAML's core schema has nothing else.
  if (typeof value !== 'string') return null;
  if (isSecretName(key)) return hidden;
  // Where a password ends in what is no URL, only its author knows.
  if (/^[a-z][a-z0-9+.-]*:\/\/.*@/i.test(value) && !URL.canParse(value)) return hidden;
  return value.replace(signInOfUrl, `$1${hidden}@`);
}

/** @throws YAMLParseError for what is no YAML. */
export const shownConfiguration = (text: string): Shown =>
  shown(parse(text, { version: '1.2', maxAliasCount: 0 }), '');

/**
 * `sha256:` of what the file says. Comments, order of keys, white space and every secret are left out: an equal digest is an
 * equal configuration but for its secrets, and nobody can try out passwords on it.
 */
export const configurationDigest = (value: Shown): string =>
  `sha256:${sha256Hex(Buffer.from(JSON.stringify(value)))}`;

/** Every setting that differs, such as `redis.url`, with both values as JSON; null where there is none. */
export function settingChanges(
  before: Shown,
  after: Shown,
): { readonly path: string; readonly before: string | null; readonly after: string | null }[] {
  const [was, is] = [settings(before), settings(after)];
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((path) => {
    const [old, now] = [was.get(path) ?? null, is.get(path) ?? null];
    return old === now ? [] : [{ path, before: old, after: now }];
  });
}

function settings(value: Shown, path = ''): Map<string, string> {
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (typeof value !== 'object' || value === null || isEmpty) {
    return new Map([[path, JSON.stringify(value)]]);
  }
  const inner = Object.entries<Shown>(value as Readonly<Record<string, Shown>>);
  return new Map(
    inner.flatMap(([key, each]) => [...settings(each, path === '' ? key : `${path}.${key}`)]),
  );
}
