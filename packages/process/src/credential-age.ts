/**
 * How long the credentials of a process have been in use, by when their file was last written. A certificate says by itself
 * when it ends and is not among them, and neither is a key that only verifies.
 */
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';

const dayMs = 24 * 3600_000;
const days = z.int().min(1);

export const RotateEvery = z
  .strictObject({
    keyDays: days
      .max(1_825)
      .default(365)
      .describe('Private keys and keys of keys (1-1825). Default 365.'),
    secretDays: days
      .max(730)
      .default(180)
      .describe('Passwords, tokens and secrets that two sides know (1-730). Default 180.'),
  })
  .prefault({})
  .describe(
    'In how many days at most the credentials that this configuration names are replaced; one that is older is told on pages, in the figures and by airlock doctor.',
  );
export type RotateEvery = z.infer<typeof RotateEvery>;

export interface Credential {
  /** Where the configuration names it, such as `saml.keyFile`. */
  readonly setting: string;
  readonly kind: 'key' | 'secret';
  readonly file: string;
  readonly since: Date;
  readonly due: Date;
}

/**
 * The credentials that a configuration names, in its order. Read anew each time, because files are replaced under a running
 * process; one that cannot be read is left out, as whoever needs it says so.
 *
 * @param resolve from a path as the configuration has it to where it lies. Default: as it is.
 */
export function credentialsOf(
  config: unknown,
  every: RotateEvery,
  resolve: (path: string) => string = (path) => path,
): Credential[] {
  return secretFiles(config, '').flatMap(({ setting, kind, path }) => {
    const file = resolve(path);
    try {
      if (verifiesOnly(readFileSync(file, 'latin1'))) return [];
      const since = statSync(file).mtime;
      const most = kind === 'key' ? every.keyDays : every.secretDays;
      return [{ setting, kind, file, since, due: new Date(since.getTime() + most * dayMs) }];
    } catch {
      return [];
    }
  });
}

export const overdue = (credentials: readonly Credential[], now: Date): Credential[] =>
  credentials.filter(({ due }) => due <= now);

/** For people: which it is, how long it has been in use, and how long it may be. */
export function overdueWords({ setting, since, due }: Credential, now: Date): string {
  const inDays = (from: Date, to: Date): number =>
    Math.floor((to.getTime() - from.getTime()) / dayMs);
  return `${setting} has been in use for ${inDays(since, now)} days; it is to be replaced every ${inDays(since, due)}`;
}

function secretFiles(
  value: unknown,
  path: string,
): { setting: string; kind: Credential['kind']; path: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const setting = path === '' ? key : `${path}.${key}`;
    // A log and a witness are known by their keys, and evidence that was handed out rests on them: they stay.
    if (/^(ledger|witness)\.keyFile$/.test(setting)) return [];
    if (typeof inner !== 'string') return secretFiles(inner, setting);
    // A signer names its keys by what they are for: `keys.main`, and two of them while one follows the other.
    const isKey = /(^k|K)eyFile$/.test(key) || /(^|\.)keys\.\w+(\.\d+)?$/.test(setting);
    if (isKey) return [{ setting, kind: 'key' as const, path: inner }];
    const isSecret = /(password|token|secret|secretId)File$/i.test(key);
    return isSecret ? [{ setting, kind: 'secret' as const, path: inner }] : [];
  });
}

/** A public key as PEM, or as a note's verifier names it (golang.org/x/mod/sumdb/note): `name+hash+key`. */
function verifiesOnly(text: string): boolean {
  return /^-----BEGIN PUBLIC KEY-----/.test(text) || /^[^\s+]+\+[0-9a-f]{8}\+\S+\s*$/.test(text);
}
