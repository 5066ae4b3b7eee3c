/** Trees as git names them. Names are bytes, here one character each (latin1). */
import { createHash } from 'node:crypto';

export type FileMode = '100644' | '100755' | '120000';

export type File = {
  readonly mode: FileMode;
  readonly id: Buffer;
  readonly size: number;
  /** Where the content is: a link's target, or the offset in the archive that was read. */
  readonly content: Buffer | number;
};
export type Directory = Map<string, File | Directory>;

/**
 * Puts an entry in its place. Its directory must have been entered before it, as git lists them.
 *
 * @returns what is wrong with it, to follow its name; null when it was entered.
 */
export function enter(root: Directory, path: string, entry: File | Directory): string | null {
  const parts = path.split('/');
  if (parts.some((part) => ['', '.', '..', '.git'].includes(part) || part.includes('\0'))) {
    return 'is a path that git would not hold';
  }
  const name = parts.pop() ?? '';
  let directory = root;
  for (const part of parts) {
    const next = directory.get(part);
    if (!(next instanceof Map)) return 'comes before its directory';
    directory = next;
  }
  if (directory.has(name)) return 'stands in it twice';
  directory.set(name, entry);
  return null;
}

/** The path of a directory below this one in which nothing is; null when there is none. Git holds no such directory. */
export function emptyDirectoryIn(directory: Directory): string | null {
  for (const [name, entry] of directory) {
    if (!(entry instanceof Map)) continue;
    if (entry.size === 0) return name;
    const below = emptyDirectoryIn(entry);
    if (below !== null) return `${name}/${below}`;
  }
  return null;
}

/** 40 lower-case hexadecimal digits. */
export const treeId = (directory: Directory): string => objectOf(directory).id.toString('hex');

export type TreeObject = { readonly id: Buffer; readonly content: Buffer };

/** The tree of a directory and of every one below it, as git stores them; `keep` is given each. */
export function objectOf(
  directory: Directory,
  keep: (tree: TreeObject) => void = () => {},
): TreeObject {
  const entries = [...directory].map(([name, entry]) =>
    entry instanceof Map
      ? { name, mode: '40000', id: objectOf(entry, keep).id, sorted: `${name}/` }
      : { name, mode: entry.mode, id: entry.id, sorted: name },
  );
  // Git sorts by bytes, and a directory as if its name ended with a slash.
  entries.sort((a, b) => (a.sorted < b.sorted ? -1 : 1));
  const content = Buffer.concat(
    entries.flatMap(({ name, mode, id }) => [Buffer.from(`${mode} ${name}\0`, 'latin1'), id]),
  );
  const tree = { id: objectId('tree', content), content };
  keep(tree);
  return tree;
}

/** The name that git gives an object. */
export function objectId(type: 'commit' | 'tree', content: Uint8Array): Buffer {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest();
}
