/** Commits, trees and files as git's own objects, read through one process and hashed. Nothing in here follows a short name. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GitError } from './git-error.ts';
import { refuseCommit, refusePath, refuseRef } from './names.ts';
import { createObjectStream, type GitObject } from './object-stream.ts';
import type { GitContext } from './run-git.ts';

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
  /** First parents from `commit` back to before `end`, newest first; null where `end` is not among the nearest of them. */
  firstParents(commit: string, end: string): Promise<string[] | null>;
  /** Paths that differ between two commits; null beyond `most`, and where there is too much to look at. */
  changedPaths(from: string, to: string, most: number): Promise<string[] | null>;
};

type Entry = { mode: string; id: string };

const maxCommitBytes = 1024 * 1024;
const maxTreeBytes = 16 * 1024 * 1024;
const maxBlobBytes = 16 * 1024 * 1024;
/** How many commits back an ancestor is looked for: as many as one push brings. */
const mostCommits = 64;
const mostTrees = 2_000;
const directoryMode = '40000';

/** @throws GitError `git-failed`, of every function, where there is no mirror yet or git dies; `git-name-refused`. */
export function createObjectReader(context: GitContext): ObjectReader {
  const stream = createObjectStream(context);

  async function read(name: string, maxBytes: number): Promise<GitObject | null> {
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

  async function treeIdOf(commit: string): Promise<string | null> {
    const content = await commitOf(commit);
    if (content === null) return null;
    const [, id] = /^tree ([0-9a-f]{40})\n/.exec(content.toString('latin1', 0, 46)) ?? [];
    if (id === undefined) throw new GitError('git-failed', `${commit} names no tree`);
    return id;
  }

  async function treeOf(id: string): Promise<ReadonlyMap<string, Entry>> {
    const object = await read(id, maxTreeBytes);
    if (object?.type !== 'tree') throw new GitError('git-failed', `the mirror lacks tree ${id}`);
    return parseTree(object.content);
  }

  const entriesOf = async (id: string | null): Promise<ReadonlyMap<string, Entry>> =>
    id === null ? noEntries : await treeOf(id);

  /** The entry of a path; null where there is none, or the commit is not there. */
  async function entryOf(commit: string, path: string): Promise<Entry | null> {
    let id = await treeIdOf(commit);
    const names = path.split('/');
    for (const [at, name] of names.entries()) {
      if (id === null) return null;
      const entry: Entry | undefined = (await treeOf(id)).get(name);
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
        .map(([name]) => (directory === '' ? name : `${directory}/${name}`));
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
    async changedPaths(from, to, most) {
      const [one, other] = await Promise.all([treeIdOf(from), treeIdOf(to)]);
      if (one === null || other === null) return null;
      const paths: string[] = [];
      const open: { path: string; one: string | null; other: string | null }[] = [
        { path: '', one, other },
      ];
      let trees = 0;
      for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
        trees += 2;
        if (trees > mostTrees || paths.length > most) return null;
        const [before, after] = await Promise.all([entriesOf(pair.one), entriesOf(pair.other)]);
        for (const name of new Set([...before.keys(), ...after.keys()])) {
          const [was, is] = [before.get(name), after.get(name)];
          if (was?.id === is?.id && was?.mode === is?.mode) continue;
          const path = `${pair.path}${name}`;
          if ([was, is].some((entry) => entry !== undefined && entry.mode !== directoryMode)) {
            paths.push(path);
          }
          const [left, right] = [directoryOf(was), directoryOf(is)];
          if (left !== null || right !== null) {
            open.push({ path: `${path}/`, one: left, other: right });
          }
        }
      }
      return paths.length > most ? null : paths;
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

const noEntries: ReadonlyMap<string, Entry> = new Map();

const isFile = ({ mode }: Entry): boolean => mode === '100644' || mode === '100755';

const directoryOf = (entry: Entry | undefined): string | null =>
  entry?.mode === directoryMode ? entry.id : null;

function parentsOf(commit: Buffer | null): string[] {
  if (commit === null) return [];
  const headers = commit.toString('latin1').split('\n\n', 1)[0] ?? '';
  return [...headers.matchAll(/^parent ([0-9a-f]{40})$/gm)].map(([, parent]) => parent ?? '');
}

/** @see gitformat-tree: `MODE NAME\0` and the 20 bytes of the id, one after the other. */
function parseTree(content: Buffer): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let at = 0; at < content.length;) {
    const blank = content.indexOf(0x20, at);
    const nul = content.indexOf(0, blank);
    if (blank === -1 || nul === -1 || nul + 21 > content.length) {
      throw new GitError('git-failed', 'a tree is damaged');
    }
    const id = content.toString('hex', nul + 1, nul + 21);
    entries.set(content.toString('utf8', blank + 1, nul), {
      mode: content.toString('latin1', at, blank),
      id,
    });
    at = nul + 21;
  }
  return entries;
}
