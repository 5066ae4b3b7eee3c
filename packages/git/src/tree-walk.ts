/** What the trees themselves list, and where two of them differ: found by their entries' ids, without asking git for a list. */
import { GitError } from './git-error.ts';

export type TreeEntry = { readonly mode: string; readonly id: string };

/** Entries by name, a character a byte: two names that are no UTF-8 stay two. */
export type Tree = ReadonlyMap<string, TreeEntry>;

/** @param id null: the tree without entries. */
export type ReadTree = (id: string | null) => Promise<Tree>;

export type Difference = {
  /** In UTF-8. */
  readonly path: string;
  /** A added, D deleted, M modified, T changed type. */
  readonly status: 'A' | 'D' | 'M' | 'T';
  /** Mode as git takes it, after the change; before it where it is gone. */
  readonly mode: string;
};

export const directoryMode = '40000';
const maxPathBytes = 64 * 1024 * 1024;
/** Trees that are asked for at once. */
const atOnce = 32;

type Pair = {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
};

/**
 * Files, links and submodules that differ, in git's order of paths.
 *
 * @param most.trees that are read before it gives up.
 * @throws GitError `git-too-large` beyond `most`, and above 64 MiB of paths.
 */
export async function treeDifferences(
  read: ReadTree,
  [before, after]: readonly [string | null, string],
  most: { paths: number; trees: number },
): Promise<Difference[]> {
  const found: { raw: string; difference: Difference }[] = [];
  const open: Pair[] = [{ path: '', before, after }];
  let trees = 0;
  let bytes = 0;
  while (open.length > 0) {
    const pairs = open.splice(-atOnce);
    trees += 2 * pairs.length;
    if (trees > most.trees) throw tooLarge(`${most.trees} trees`);
    const reads = pairs.map(async ({ path, ...ids }) => ({
      path,
      trees: await Promise.all([read(ids.before), read(ids.after)]),
    }));
    for (const { path, trees: sides } of await Promise.all(reads)) {
      for (const one of differingEntries(sides)) {
        const raw = `${path}${one.name}`;
        bytes += raw.length;
        if (one.difference !== null) {
          const text = Buffer.from(raw, 'latin1').toString('utf8');
          found.push({ raw, difference: { path: text, ...one.difference } });
        }
        if (one.directories !== null) open.push({ path: `${raw}/`, ...one.directories });
      }
      if (bytes > maxPathBytes) throw tooLarge(`${maxPathBytes} bytes of paths`);
      if (found.length > most.paths) throw tooLarge(`${most.paths} paths`);
    }
  }
  return found.sort((a, b) => (a.raw < b.raw ? -1 : 1)).map(({ difference }) => difference);
}

const tooLarge = (what: string): GitError =>
  new GitError('git-too-large', `two commits differ in more than ${what}`);

function* differingEntries([before, after]: readonly [Tree, Tree]) {
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was?.id === is?.id && modeOf(was) === modeOf(is)) continue;
    const [left, right] = [directoryOf(was), directoryOf(is)];
    yield {
      name,
      difference: differenceOf(fileMode(was), fileMode(is)),
      directories: left === null && right === null ? null : { before: left, after: right },
    };
  }
}

function differenceOf(was: string | null, is: string | null): Omit<Difference, 'path'> | null {
  if (is === null) return was === null ? null : { status: 'D', mode: was };
  if (was === null) return { status: 'A', mode: is };
  return { status: was.slice(0, 2) === is.slice(0, 2) ? 'M' : 'T', mode: is };
}

/** Git knows five modes and takes every other one for the nearest of them. */
function modeOf(entry: TreeEntry | undefined): string | null {
  if (entry === undefined) return null;
  const mode = Number.parseInt(entry.mode, 8);
  const type = mode & 0o170000;
  if (type === 0o100000) return (mode & 0o100) === 0 ? '100644' : '100755';
  if (type === 0o120000) return '120000';
  return type === 0o040000 ? directoryMode : '160000';
}

function fileMode(entry: TreeEntry | undefined): string | null {
  const mode = modeOf(entry);
  return mode === directoryMode ? null : mode;
}

const directoryOf = (entry: TreeEntry | undefined): string | null =>
  entry !== undefined && modeOf(entry) === directoryMode ? entry.id : null;
