/**
 * Which commits one commit has and another has not, found by the parents that the commits themselves name. Nothing that git
 * says of a range is asked for: whoever wrote a commit of it cannot be left out.
 */
import type { CommitObject } from './commit-object.ts';
import { GitError } from './git-error.ts';

export type RangeCommit = CommitObject & { readonly commit: string };

/** `from` null: from the root. */
export type CommitRange = {
  readonly from: string | null;
  readonly to: string;
  readonly limit: number;
};

type Seen = {
  readonly parents: readonly string[];
  readonly committedAt: number;
  /** Null: it is `from` or an ancestor of it. */
  entry: RangeCommit | null;
  /** Its parents were looked at. */
  isOpen: boolean;
};

/** How many commits are looked at after the last that could be new, for dates that run backwards. As in git itself. */
const slop = 5;
/** Commits that are looked at in all, and bytes of those that are new. */
const maxWalked = 1_000_000;
const maxNewBytes = 64 * 1024 * 1024;

/**
 * All commits of `to` that `from` does not have, by date and newest first, side branches included. A date is a claim: a wrong one
 * may bring in a commit that `from` has, and never leaves out one that it has not.
 *
 * @param read a commit by its id, hashed.
 * @param range.from null: from the root.
 * @throws GitError `git-too-large` where it is more than can be looked through; whatever `read` throws.
 */
export async function commitRange(
  read: (commit: string) => Promise<CommitObject>,
  { from, to, limit }: CommitRange,
): Promise<RangeCommit[]> {
  const seen = new Map<string, Seen>();
  const queue = createQueue();
  const found: Seen[] = [];

  async function see(commit: string): Promise<Seen> {
    const known = seen.get(commit);
    if (known !== undefined) return known;
    if (seen.size >= maxWalked) throw tooLarge(`${maxWalked} commits`);
    const entry = { commit, ...(await read(commit)) };
    const { parents, committedAt } = entry;
    const one: Seen = { parents, committedAt, entry, isOpen: false };
    seen.set(commit, one);
    queue.add(one);
    return one;
  }

  /** It and all that was found behind it. */
  function markOld(first: Seen): void {
    const open = [first];
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (one.entry === null) continue;
      one.entry = null;
      if (!one.isOpen) queue.becameOld();
      for (const parent of one.parents) {
        const behind = seen.get(parent);
        if (behind !== undefined) open.push(behind);
      }
    }
  }

  const tooLarge = (what: string): GitError =>
    new GitError('git-too-large', `what ${to} has and ${String(from)} has not: more than ${what}`);

  await see(to);
  if (from !== null) markOld(await see(from));
  let left = slop;
  let newBytes = 0;
  let last = Infinity;
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    next.isOpen = true;
    for (const parent of next.parents) {
      const behind = await see(parent);
      if (next.entry === null) markOld(behind);
    }
    if (next.entry !== null) {
      newBytes += next.entry.bytes;
      if (newBytes > maxNewBytes) throw tooLarge(`${maxNewBytes} bytes of commits`);
      last = next.committedAt;
      found.push(next);
      // Without a beginning nothing becomes old later.
      if (from === null && found.length >= limit) break;
      continue;
    }
    left = last <= queue.newest() || queue.hasNew() ? slop : left - 1;
    if (left === 0) break;
  }
  return found.flatMap(({ entry }) => entry ?? []).slice(0, limit);
}

/** Of commits, newest first; of the same date the one that came first. */
function createQueue() {
  const heap: { one: Seen; order: number }[] = [];
  let added = 0;
  let fresh = 0;
  const isBefore = (a: number, b: number): boolean => {
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return false;
    const [newer, older] = [x.one.committedAt, y.one.committedAt];
    return newer > older || (newer === older && x.order < y.order);
  };
  const swap = (a: number, b: number): void => {
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return;
    heap[a] = y;
    heap[b] = x;
  };
  return {
    add(one: Seen): void {
      if (one.entry !== null) fresh += 1;
      heap.push({ one, order: (added += 1) });
      for (let at = heap.length - 1; at > 0;) {
        const above = (at - 1) >> 1;
        if (!isBefore(at, above)) break;
        swap(at, above);
        at = above;
      }
    },
    take(): Seen | undefined {
      swap(0, heap.length - 1);
      const one = heap.pop()?.one;
      if (one !== undefined && one.entry !== null) fresh -= 1;
      for (let at = 0; ;) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        let first = isBefore(left, at) ? left : at;
        if (isBefore(right, first)) first = right;
        if (first === at) return one;
        swap(at, first);
        at = first;
      }
    },
    /** One that is in it. */
    becameOld: (): void => void (fresh -= 1),
    hasNew: (): boolean => fresh > 0,
    newest: (): number => heap[0]?.one.committedAt ?? -Infinity,
  };
}
