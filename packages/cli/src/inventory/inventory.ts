/**
 * What on this machine leads into production, or to whoever may go there: every key, password and root of trust that the
 * configurations name, what its holder could do, where it lies and who can get at it. Only the configurations are opened.
 */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isRecord, type Installation } from '../doctor/installation.ts';
import { listenersOf } from '../doctor/listeners.ts';
import { isPrivateAddress } from '../doctor/private-address.ts';
import { meaningOf, reaches, type Meaning } from './meanings.ts';

export interface Jewel extends Meaning {
  readonly path: string;
  /** Settings that name it, as `gate-web saml.keyFile`. */
  readonly namedBy: readonly string[];
  /** Four octal digits; null where there is nothing, or nothing that this account may look at. */
  readonly mode: string | null;
  readonly uid: number | null;
  /** Addresses at which the processes that name it answer. */
  readonly listens: readonly string[];
  /** How others get at it, and what to do about it; empty: not at all, as far as can be seen here. */
  readonly faults: readonly string[];
}

type Named = Meaning & { readonly namedBy: string[]; readonly listens: Set<string> };

/** Each place once, the worst first. */
export async function inventory(installation: Installation): Promise<Jewel[]> {
  const found = new Map<string, Named>();
  const listeners = listenersOf(installation);
  for (const { path: file, content } of installation.files) {
    const process = basename(file, '.yaml');
    const itself = { setting: 'configuration', path: basename(file) };
    for (const { setting, path } of [itself, ...pathsIn(content, '')]) {
      const meaning = meaningOf(process, setting);
      if (meaning === null) continue;
      const place = resolve(dirname(file), path);
      const { namedBy, listens, ...known } = found.get(place) ?? {
        ...meaning,
        ...{ namedBy: [], listens: new Set<string>() },
      };
      // Of two processes that name it the one counts to which it opens more.
      const isWorse = reaches.indexOf(meaning.reach) < reaches.indexOf(known.reach);
      namedBy.push(`${process} ${setting}`);
      for (const each of listeners) {
        if (each.file === file) listens.add(`${each.host}:${each.port}`);
      }
      found.set(place, { ...(isWorse ? meaning : known), namedBy, listens });
    }
  }
  const jewels = await Promise.all(
    [...found].map(async ([path, { listens, ...named }]) => {
      const facts = await stat(path).catch(() => null);
      return {
        ...{ ...named, path, listens: [...listens], uid: facts?.uid ?? null },
        mode: facts === null ? null : (facts.mode & 0o7777).toString(8).padStart(4, '0'),
        faults: await faultsOf(path, named.kind, facts, [...listens]),
      };
    }),
  );
  return jewels.sort((a, b) => reaches.indexOf(a.reach) - reaches.indexOf(b.reach));
}

async function faultsOf(
  path: string,
  kind: Jewel['kind'],
  facts: Stats | null,
  listens: readonly string[],
): Promise<string[]> {
  const faults: string[] = [];
  if (facts !== null && kind === 'secret' && (facts.mode & 0o077) !== 0) {
    faults.push(`other accounts of this machine may read it; run: chmod go-rwx ${path}`);
  }
  if (facts !== null && kind === 'trusted' && (facts.mode & 0o022) !== 0) {
    faults.push(`other accounts of this machine may write it; run: chmod go-w ${path}`);
  }
  for (const directory of above(path)) {
    const mode = (await stat(directory).catch(() => null))?.mode ?? 0;
    // Where the sticky bit is set nobody takes away what is another's.
    if ((mode & 0o022) === 0 || (mode & 0o1000) !== 0) continue;
    faults.push(`other accounts may put another in its place; run: chmod go-w ${directory}`);
  }
  const open = listens.filter((each) => !isPrivateAddress(each.replace(/:\d+$/, '')));
  if (open.length > 0) {
    faults.push(
      `its process answers at ${open.join(', ')}, which is no private address; bind it to one`,
    );
  }
  return faults;
}

function above(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...above(parent)];
}

/** Every setting that names a file or a directory. */
export function pathsIn(value: unknown, at: string): { setting: string; path: string }[] {
  if (Array.isArray(value)) {
    return value.flatMap((each, index) => pathsIn(each, `${at}[${index}]`));
  }
  if (isRecord(value)) {
    return Object.entries(value).flatMap(([name, inner]) =>
      pathsIn(inner, at === '' ? name : `${at}.${name}`),
    );
  }
  return typeof value === 'string' && /(File|irectory|^keys\.\w+)(\[\d\])?$/.test(at)
    ? [{ setting: at, path: value }]
    : [];
}
