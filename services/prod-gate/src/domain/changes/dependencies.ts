/** Which packages a release brings, drops or moves, by lockfile. */
import { LockfileError, readLockfile, type Locked } from './lockfile.ts';

/** How many packages the delta lists by name; the counts count all. */
export const listedDependencies = 500;

export type DependencyChange = {
  readonly lockfile: string;
  readonly name: string;
  /** Locked versions, joined by a comma; null where the lockfile did not have the package. */
  readonly from: string | null;
  /** As `from`; null where it does not have it any more. */
  readonly to: string | null;
};

export type Dependencies = {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** New packages first, then those with another version, then those that are gone; at most {@link listedDependencies}. */
  readonly list: readonly DependencyChange[];
  /** Lockfiles that differ and could not be read: what they bring is not known. */
  readonly unread: readonly { readonly lockfile: string; readonly why: string }[];
};

/** A lockfile that differs between two commits; null where it is not there. `too-large`: nobody read it. */
export type LockfilePair = {
  readonly path: string;
  readonly before: Uint8Array | 'too-large' | null;
  readonly after: Uint8Array | 'too-large' | null;
};

export function dependenciesOf(pairs: readonly LockfilePair[]): Dependencies {
  const changes: DependencyChange[] = [];
  const unread: Dependencies['unread'][number][] = [];
  for (const { path, before, after } of pairs) {
    try {
      changes.push(...differences(path, lockedIn(path, before), lockedIn(path, after)));
    } catch (error) {
      if (!(error instanceof LockfileError)) throw error;
      unread.push({ lockfile: path, why: error.message });
    }
  }
  const added = changes.filter(({ from }) => from === null);
  const removed = changes.filter(({ to }) => to === null);
  const changed = changes.filter(({ from, to }) => from !== null && to !== null);
  return {
    added: added.length,
    removed: removed.length,
    changed: changed.length,
    list: [...added, ...changed, ...removed].slice(0, listedDependencies),
    unread,
  };
}

function lockedIn(path: string, bytes: LockfilePair['before']): Locked {
  if (bytes === null) return new Map();
  if (bytes === 'too-large') throw new LockfileError('too large to be read');
  return readLockfile(path, bytes);
}

function differences(lockfile: string, before: Locked, after: Locked): DependencyChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const [from, to] = [versions(before, name), versions(after, name)];
    return from === to ? [] : [{ lockfile, name, from, to }];
  });
}

function versions(locked: Locked, name: string): string | null {
  const found = locked.get(name);
  return found === undefined ? null : [...found].sort().join(', ');
}
