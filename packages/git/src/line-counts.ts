/** How much of a file changed, as git counts it. */

export type ChangedFile = {
  path: string;
  /** A added, D deleted, M modified, T changed type. */
  status: string;
  /** Lines, as git counts them; null for a binary file, and where git does not say. */
  added: number | null;
  removed: number | null;
};

/** Lines; null for a binary file. */
export type LineCounts = { readonly added: number | null; readonly removed: number | null };

/** `git diff-tree -r -z --numstat --no-renames`, by path. Fields end in NUL, because paths may hold anything else. */
export function parseLineCounts(output: Buffer): ReadonlyMap<string, LineCounts> {
  const counts = new Map<string, LineCounts>();
  for (const token of output.toString('utf8').split('\0')) {
    const [, added, removed, path] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(token) ?? [];
    if (added === undefined || removed === undefined || path === undefined) continue;
    counts.set(path, { added: count(added), removed: count(removed) });
  }
  return counts;
}

const count = (text: string): number | null => (text === '-' ? null : Number(text));
