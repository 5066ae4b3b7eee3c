/** Commits, trees and files as git's own objects, read through one process and hashed. Nothing in here follows a short name. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CommitObject, parseCommit } from './commit-object.ts';
import { type CommitRange, commitRange, type RangeCommit } from './commit-range.ts';
import { GitError } from './git-error.ts';
import { refuseCommit, refusePath, refuseRef } from './names.ts';
import { createObjectStream, type GitObject } from './object-stream.ts';
import { alone, readingAhead } from './read-ahead.ts';
import { type GitContext, runGit } from './run-git.ts';
import {
  type Difference,
  directoryMode,
  type Tree,
  treeDifferences,
  type TreeEntry,
} from './tree-walk.ts';

export type ObjectReader = {
  /** The commit of a full ref (`refs/…`), or null. */
  resolve(ref: string): Promise<string | null>;
  /** The commit object as git hashes it, 1 MiB at most; null when there is no such commit. */
  commit(commit: string): Promise<Buffer | null>;
  /** Git's id of a regular file, or null. */
  blobId(commit: string, path: string): Promise<string | null>;
  /** The content of a regular file, 16 MiB at most, or null. @throws GitError `git-too-large` */
  readBlob(commit: string, path: string): Promise<Buffer | null>;
  /** Paths of the regular files directly in a directory, in git's order; empty where there is none. `''`: the top. */
  listFiles(commit: string, directory: string): Promise<string[]>;
  /**
   * Whether `ancestor` is among the newest commits that `commit` comes from, itself included. False also where it is
   * further away than is looked: ask git then.
   */
  comesFrom(commit: string, ancestor: string): Promise<boolean>;
  /**
   * Where the lines of two commits part, as `git merge-base` finds it; null where they have nothing in common;
   * `unclear` where a merge, or more than is looked at, lies before it: ask git then.
   */
  forkOf(one: string, other: string): Promise<{ readonly commit: string | null } | 'unclear'>;
  /** First parents from `commit` back to before `end`, newest first; null where `end` is not among the nearest of them. */
  firstParents(commit: string, end: string): Promise<string[] | null>;
  /** Whether each of these commits has the next one as its first parent, and the last one none. */
  isLineToRoot(commits: readonly string[]): Promise<boolean>;
  /** Paths that differ between two commits; null beyond `most`, and where there is too much to look at. */
  changedPaths(from: string, to: string, most: number): Promise<string[] | null>;
  /**
   * All commits of `to` that `from` does not have, newest first, side branches included; `from` null: from the root.
   *
   * @throws GitError `git-too-large` where it is more than can be looked through
   */
  range(range: CommitRange): Promise<RangeCommit[]>;
  /**
   * Files, links and submodules that differ between two commits, in git's order; `from` null: all of `to`.
   *
   * @throws GitError `git-too-large` where it is more than can be looked through
   */
  differences(range: { from: string | null; to: string }): Promise<Difference[]>;
};

const maxCommitBytes = 1024 * 1024;
const maxTreeBytes = 16 * 1024 * 1024;
const maxBlobBytes = 16 * 1024 * 1024;
/** How many commits back an ancestor is looked for: as many as one push brings. */
const mostCommits = 64;
const askedAtOnce = 256;
/** Objects that are remembered, and how large one may be: 1 MiB of a mirror altogether. */
const mostRecent = 64;
const maxRecentBytes = 16 * 1024;
const mostListed = 20_000;
const mostTrees = 2_000;
/** What a commit of a range may have: its message is looked at and not kept. */
const maxRangeCommitBytes = 16 * 1024 * 1024;
/** A tree of a few kilobytes can name more directories than anybody could read. */
const most = { paths: 1_000_000, trees: 500_000 };

/** @throws GitError `git-failed`, of every function, where there is no mirror yet or git dies; `git-name-refused`. */
export function createObjectReader(context: GitContext): ObjectReader {
  const stream = createObjectStream(context);
  /** By what was asked, the oldest first: a look at one commit asks for it and its trees again and again. */
  const recent = new Map<string, Promise<GitObject | null>>();

  /** What an id stands for never changes. */
  async function read(name: string, maxBytes: number): Promise<GitObject | null> {
    if (!fullId.test(name)) return readNow(name, maxBytes);
    const key = `${name} ${maxBytes}`;
    const known = recent.get(key);
    if (known !== undefined) return known;
    const reading = readNow(name, maxBytes);
    recent.set(key, reading);
    for (const oldest of recent.keys()) {
      if (recent.size <= mostRecent) break;
      recent.delete(oldest);
    }
    const forget = (): void => {
      if (recent.get(key) === reading) recent.delete(key);
    };
    reading.then((object) => {
      if (object === null || object.content.length > maxRecentBytes) forget();
    }, forget);
    return reading;
  }

  async function readNow(name: string, maxBytes: number): Promise<GitObject | null> {
    try {
      const object = await stream.read(name, maxBytes);
      if (object !== null) refuseOther(name, object);
      return object;
    } catch (cause) {
      if (!(cause instanceof GitError) || existsSync(join(context.directory, 'HEAD'))) throw cause;
      const where = `there is no mirror in ${context.directory} yet; fetch it first`;
      throw new GitError('git-failed', where, { cause });
    }
  }

  async function commitOf(commit: string): Promise<Buffer | null> {
    refuseCommit(commit);
    const object = await read(commit, maxCommitBytes);
    return object?.type === 'commit' ? object.content : null;
  }

  /** From a commit through only parents: up to a merge, which still belongs to it, or to the root. */
  function lineFrom(commit: string) {
    const seen = new Set<string>();
    let at: string | null = commit;
    let isWhole = false;
    return {
      seen,
      /** Every commit that its first one comes from was seen. */
      isWhole: () => isWhole,
      async next(): Promise<string | null> {
        const is = at;
        if (is === null) return null;
        seen.add(is);
        const object = await commitOf(is);
        const parents = parentsOf(object);
        const [only = null] = parents;
        at = parents.length === 1 ? only : null;
        isWhole = object !== null && parents.length === 0;
        return is;
      },
    };
  }

  async function treeIdOf(commit: string): Promise<string | null> {
    const content = await commitOf(commit);
    if (content === null) return null;
    const [, id] = /^tree ([0-9a-f]{40})\n/.exec(content.toString('latin1', 0, 46)) ?? [];
    if (id === undefined) throw new GitError('git-failed', `${commit} names no tree`);
    return id;
  }

  async function treeOf(id: string | null): Promise<Tree> {
    if (id === null) return noEntries;
    const object = await read(id, maxTreeBytes);
    if (object?.type !== 'tree') throw new GitError('git-failed', `the mirror lacks tree ${id}`);
    return parseTree(object.content);
  }

  async function treeOfRange(commit: string): Promise<string> {
    const id = await treeIdOf(commit);
    if (id === null) throw new GitError('git-failed', `the mirror lacks commit ${commit}`);
    return id;
  }

  async function commitOfRange(commit: string): Promise<CommitObject> {
    refuseCommit(commit);
    const object = await read(commit, maxRangeCommitBytes);
    if (object?.type === 'commit') return parseCommit(commit, object.content);
    throw new GitError('git-failed', `the mirror lacks commit ${commit}`);
  }

  /** What git says that a range is, to read it sooner. */
  async function listed({ from, to, limit }: CommitRange): Promise<string[]> {
    const range = from === null ? [to] : [to, `^${from}`];
    const count = `--max-count=${Math.min(limit, mostListed)}`;
    const { stdout } = await runGit(context, ['rev-list', count, ...range, '--']);
    // The first ones were read before git was asked.
    return (
      stdout
        .toString('latin1')
        .match(/^[0-9a-f]{40}$/gm)
        ?.slice(alone) ?? []
    );
  }

  /** The entry of a path; null where there is none, or the commit is not there. */
  async function entryOf(commit: string, path: string): Promise<TreeEntry | null> {
    let id = await treeIdOf(commit);
    const names = Buffer.from(path, 'utf8').toString('latin1').split('/');
    for (const [at, name] of names.entries()) {
      if (id === null) return null;
      const entry: TreeEntry | undefined = (await treeOf(id)).get(name);
      if (entry === undefined) return null;
      if (at === names.length - 1) return entry;
      id = entry.mode === directoryMode ? entry.id : null;
    }
    return null;
  }

  async function blobId(commit: string, path: string): Promise<string | null> {
    refusePath(path);
    const entry = await entryOf(commit, path);
    return entry !== null && isFile(entry) ? entry.id : null;
  }

  return {
    async resolve(ref) {
      refuseRef(ref);
      return (await read(`${ref}^{commit}`, maxCommitBytes))?.id ?? null;
    },
    commit: commitOf,
    blobId,
    async readBlob(commit, path) {
      const id = await blobId(commit, path);
      if (id === null) return null;
      const object = await read(id, maxBlobBytes);
      if (object?.type !== 'blob') throw new GitError('git-failed', `the mirror lacks blob ${id}`);
      return object.content;
    },
    async listFiles(commit, directory) {
      if (directory !== '') refusePath(directory);
      let id = await treeIdOf(commit);
      if (id !== null && directory !== '') {
        const entry = await entryOf(commit, directory);
        id = entry?.mode === directoryMode ? entry.id : null;
      }
      if (id === null) return [];
      return [...(await treeOf(id))]
        .filter(([, entry]) => isFile(entry))
        .map(([name]) => Buffer.from(name, 'latin1').toString('utf8'))
        .map((name) => (directory === '' ? name : `${directory}/${name}`));
    },
    async comesFrom(commit, ancestor) {
      refuseCommit(ancestor);
      const seen = new Set([commit]);
      for (const each of seen) {
        if (each === ancestor) return true;
        if (seen.size > mostCommits) return false;
        for (const parent of parentsOf(await commitOf(each))) seen.add(parent);
      }
      return false;
    },
    async forkOf(one, other) {
      const [left, right] = [lineFrom(one), lineFrom(other)];
      try {
        for (let step = 0; step < mostCommits; step += 1) {
          const [onLeft, onRight] = await Promise.all([left.next(), right.next()]);
          if (onLeft !== null && right.seen.has(onLeft)) return { commit: onLeft };
          if (onRight !== null && left.seen.has(onRight)) return { commit: onRight };
          if (left.isWhole() && right.isWhole()) return { commit: null };
          if (onLeft === null && onRight === null) break;
        }
      } catch (cause) {
        // Git reads commits that are too large to be looked at here.
        if (!(cause instanceof GitError) || cause.code !== 'git-too-large') throw cause;
      }
      return 'unclear';
    },
    async firstParents(commit, end) {
      refuseCommit(end);
      const line: string[] = [];
      for (let at = commit; at !== end;) {
        if (line.length >= mostCommits) return null;
        line.push(at);
        const [parent] = parentsOf(await commitOf(at));
        if (parent === undefined) return null;
        at = parent;
      }
      return line;
    },
    async isLineToRoot(commits) {
      for (let at = 0; at < commits.length; at += askedAtOnce) {
        const asked = commits.slice(at, at + askedAtOnce);
        const objects = await Promise.all(asked.map(commitOf));
        for (const [place, object] of objects.entries()) {
          if (object === null || parentsOf(object)[0] !== commits[at + place + 1]) return false;
        }
      }
      return true;
    },
    async changedPaths(from, to, paths) {
      const [before, after] = await Promise.all([treeIdOf(from), treeIdOf(to)]);
      if (before === null || after === null) return null;
      try {
        const found = await treeDifferences(treeOf, [before, after], { paths, trees: mostTrees });
        return found.map(({ path }) => path);
      } catch (cause) {
        if (!(cause instanceof GitError) || cause.code !== 'git-too-large') throw cause;
        return null;
      }
    },
    range: (range) =>
      commitRange(
        readingAhead(commitOfRange, () => listed(range)),
        range,
      ),
    async differences({ from, to }) {
      const [before, after] = await Promise.all([
        from === null ? null : treeOfRange(from),
        treeOfRange(to),
      ]);
      return treeDifferences(treeOf, [before, after], most);
    },
  };
}

/**
 * Git itself does not hash what it reads from a pack, so this does: what is read under an id is what the id says for good,
 * whoever can write to the mirror.
 *
 * @throws GitError `git-failed`
 */
function refuseOther(name: string, { id, type, content }: GitObject): void {
  const hash = createHash('sha1').update(`${type} ${content.length}\0`).update(content);
  if (hash.digest('hex') === id && (id === name || !fullId.test(name))) return;
  throw new GitError('git-failed', `${name} in the mirror is not what its id says; make it anew`);
}

const fullId = /^[0-9a-f]{40}$/;

const noEntries: Tree = new Map();

const isFile = ({ mode }: TreeEntry): boolean => mode === '100644' || mode === '100755';

function parentsOf(commit: Buffer | null): string[] {
  if (commit === null) return [];
  const headers = commit.toString('latin1').split('\n\n', 1)[0] ?? '';
  return [...headers.matchAll(/^parent ([0-9a-f]{40})$/gm)].map(([, parent]) => parent ?? '');
}

/** @see gitformat-tree: `MODE NAME\0` and the 20 bytes of the id, one after the other. */
function parseTree(content: Buffer): Tree {
  const entries = new Map<string, TreeEntry>();
  for (let at = 0; at < content.length;) {
    const blank = content.indexOf(0x20, at);
    const nul = content.indexOf(0, blank);
    if (blank === -1 || nul === -1 || nul + 21 > content.length) {
      throw new GitError('git-failed', 'a tree is damaged');
    }
    const id = content.toString('hex', nul + 1, nul + 21);
    entries.set(content.toString('latin1', blank + 1, nul), {
      mode: content.toString('latin1', at, blank),
      id,
    });
    at = nul + 21;
  }
  return entries;
}
