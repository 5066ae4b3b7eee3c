/**
 * A bare mirror that is fetched and read, and never checked out. What it says about main comes from full ref names
 * and full commit ids alone, because a short name means whatever the sender of a tag wants it to mean.
 */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve as resolvePath } from 'node:path';
import type { Readable } from 'node:stream';
import { archiveStream } from './archive.ts';
import { type ChangedFile, type LineCounts, parseLineCounts } from './line-counts.ts';
import { type LogEntry, logEntry, type Revert, revertOf } from './log-entry.ts';
import { GitError } from './git-error.ts';
import { refuseCommit, refuseRef } from './names.ts';
import { createObjectReader, type ObjectReader } from './object-reader.ts';
import {
  packCount,
  prepareMirror,
  removeLeftovers,
  storedBytes,
  tidyMirror,
} from './mirror-directory.ts';
import {
  type GitContext,
  type GitProtocol,
  type GitResult,
  lastWords,
  listing,
  runGit,
} from './run-git.ts';

export type { GitProtocol } from './run-git.ts';

/** What the mirror says of one commit. */
export type CommitFacts = {
  onMain: boolean;
  /** Main itself once pointed at it; a commit that came inside a merge was never main. */
  firstParent: boolean;
  /** Place on main's first-parent line, 1 for the root; 0 for a commit that is not on that line. */
  position: number;
  /** Git blob id by path at this commit; null where there is no regular file. */
  blobs: Record<string, string | null>;
};

export type Mirror = {
  /**
   * Brings the mirror up to date, making it first if need be. Calls take turns, and those that wait share one: whoever
   * asks gets what the remote said after that, and a slow remote is waited for twice at most.
   *
   * @returns main's commit now and before; null where there is no main.
   * @throws GitError `git-rewound`, `git-fsck`, `git-quota`, `git-unreachable`; main has not moved then.
   */
  fetch(): Promise<{ head: string | null; previous: string | null }>;
  /**
   * Takes over a main that was rewritten, once somebody has decided that it may: moves main from exactly `from` to exactly
   * `to`, which the remote's main must have on its first-parent line.
   *
   * @throws GitError `git-rewound` when either is not so; main has not moved then. As `fetch` otherwise.
   */
  acceptRewrite(rewrite: { from: string; to: string }): Promise<void>;
  /** The commit of refs/heads/main as last fetched, or null. */
  mainHead(): Promise<string | null>;
  /** The commit of a full ref (`refs/…`), or null. */
  resolve(ref: string): Promise<string | null>;
  /** All refs below the prefixes that point at commits, in the order of the prefixes. */
  refs(...prefixes: string[]): Promise<{ ref: string; commit: string }[]>;
  /** Commits, trees and files without a process for each; one process stands behind it, started when it is asked. */
  objects: ObjectReader;
  /** Null when the mirror has no such commit. `commit` is a full id. */
  commitFacts(commit: string, paths: readonly string[]): Promise<CommitFacts | null>;
  /** The commit object as git hashes it, signature included, 1 MiB at most; null when the mirror has no such commit. */
  commitObject(commit: string): Promise<Buffer | null>;
  /** The content of a regular file, 16 MiB at most, or null. @throws GitError `git-too-large` */
  readBlob(commit: string, path: string): Promise<Buffer | null>;
  /** Paths of the regular files directly in a directory, in git's order; empty where there is none. `''`: the top. */
  listFiles(commit: string, directory: string): Promise<string[]>;
  /** Paths of all regular files of a commit, in git's order; null when the mirror lacks it. @throws GitError `git-too-large` above 64 MiB of names */
  allFiles(commit: string): Promise<string[] | null>;
  /**
   * All commits of `to` that `from` does not have, newest first, side branches included; `from` null: from the root. Read
   * from hashed commits alone, by the parents that they name.
   */
  log(range: { from: string | null; to: string; limit: number }): Promise<LogEntry[]>;
  /** Of the commits of `to` that `from` does not have: those that say they revert others, newest first. */
  reverts(range: { from: string; to: string; limit: number }): Promise<Revert[]>;
  /** The best commit that both come from; null when the mirror lacks one of them or they have none. */
  mergeBase(one: string, other: string): Promise<string | null>;
  /**
   * Files that differ between two commits, without rename detection; `from` null: all files of `to`. Paths and status are
   * those of hashed trees; the counts of lines are git's.
   */
  changedFiles(range: { from: string | null; to: string }): Promise<ChangedFile[]>;
  /** The files of a commit as a tar; fails with GitError if git does. Attributes of the tree change nothing in it. */
  archive(commit: string): Readable;
};

const main = 'refs/heads/main';
/** Where a main that does not continue ours is looked at; never a branch. */
const offered = 'refs/airlock/offered';
const refBytes = 64 * 1024;
/** How many commits a mirror remembers to have. */
const maxKnown = 10_000;
/** Every pack is looked into by every command; from here on they are put together. */
const maxPacks = 32;
/** The id that git gives the tree without entries. */
const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/**
 * @param options.url what is fetched from; its scheme must be one of `protocols` (an absolute path counts as `file`).
 * @param options.refspecs default main alone and forwards only. With a leading `+` heads may be rewritten; with `*`,
 *   refs that the remote no longer has are dropped.
 * @param options.timeoutMs for each git command. Default 120 000.
 * @param options.isolation `bubblewrap`: reading runs in a sandbox, which costs 5 ms a command. Default none.
 * @param options.maxBytes that the mirror may hold. Default 5 GiB.
 * @throws GitError `configuration-git-url`
 */
export function createMirror(options: {
  directory: string;
  url: string;
  protocols: readonly GitProtocol[];
  refspecs?: readonly string[];
  isolation?: 'bubblewrap' | 'none';
  timeoutMs?: number;
  maxBytes?: number;
}): Mirror {
  const { url, refspecs = [`${main}:${main}`], maxBytes = 5 * 1024 ** 3 } = options;
  refuseUrl(url, options.protocols);
  const context: GitContext = {
    directory: resolvePath(options.directory),
    protocols: options.protocols,
    isolation: options.isolation ?? 'none',
    timeoutMs: options.timeoutMs ?? 120_000,
  };
  const { directory } = context;
  const objects = createObjectReader(context);
  const known = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();
  let waiting: ReturnType<Mirror['fetch']> | null = null;
  /** What the last fetch that succeeded left, until something else is done with refs. */
  let listed: Buffer | null = null;
  /** Bytes, when the last fetch succeeded; whoever fetches next takes it. */
  let stored: Promise<number | null> | null = null;
  let mainLine: { head: string; positions: Map<string, number> } | null = null;

  async function git(...args: string[]): Promise<GitResult> {
    return await runGit(context, args);
  }

  async function output(...args: string[]): Promise<Buffer> {
    const result = await git(...args);
    if (result.exitCode !== 0) throw failed(args[0] ?? '', result);
    return result.stdout;
  }

  async function resolve(name: string): Promise<string | null> {
    const result = await git(
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${name}^{commit}`,
    );
    if (result.exitCode === 0) return result.stdout.toString('latin1').trim();
    if (!existsSync(join(directory, 'HEAD'))) {
      throw new GitError(
        'git-failed',
        `there is no mirror of ${shown(url)} in ${directory} yet; fetch it first`,
      );
    }
    // --quiet: 1 for whatever does not lead to a commit, 128 for what is broken.
    if (result.exitCode === 1) return null;
    throw failed('rev-parse', result);
  }

  async function knownCommit(commit: string): Promise<boolean> {
    refuseCommit(commit);
    // Nothing is ever left out of a mirror, so what it once had need not be asked for before each read.
    if (known.has(commit)) return true;
    if ((await objects.commit(commit)) === null) return false;
    if (known.size >= maxKnown) known.clear();
    known.add(commit);
    return true;
  }

  /**
   * Position by commit on main's first-parent line. The line behind a head never changes: a later head adds to what was read,
   * and only one that does not lead back to the head before has its line read whole.
   */
  async function mainPositions(head: string): Promise<ReadonlyMap<string, number>> {
    if (mainLine?.head === head) return mainLine.positions;
    const before = mainLine;
    const added = before === null ? null : await objects.firstParents(head, before.head);
    // Somebody else was told of another head meanwhile: two lines must not meet in one map.
    if (mainLine !== before) return mainPositions(head);
    if (before === null || added === null) {
      const commits = await firstParents(head);
      const positions = new Map(commits.map((commit, index) => [commit, commits.length - index]));
      mainLine = { head, positions };
      return positions;
    }
    const { positions } = before;
    const from = positions.get(before.head) ?? positions.size;
    for (const [index, commit] of added.entries()) {
      positions.set(commit, from + added.length - index);
    }
    mainLine = { head, positions };
    return positions;
  }

  /** Newest first. Git lists them, and what it lists is what the commits themselves say. */
  async function firstParents(head: string): Promise<string[]> {
    const list = await output('rev-list', '--first-parent', head, '--');
    const line = list.toString('latin1').trim().split('\n');
    if (line[0] === head && (await objects.isLineToRoot(line))) return line;
    throw new GitError(
      'git-failed',
      `git lists another line to ${head} than its commits name; make the mirror ${directory} anew`,
    );
  }

  /** By path. They decide nothing: which files differ is not asked of git. */
  async function lineCounts(from: string, to: string): Promise<ReadonlyMap<string, LineCounts>> {
    const flags = ['-r', '-z', '--numstat', '--no-renames', '--no-ext-diff', '--no-textconv'];
    return parseLineCounts(await output('diff-tree', ...flags, from, to, '--'));
  }

  /** False also where dates run backwards so far that it was not found. */
  async function isAncestor(commit: string, head: string): Promise<boolean> {
    return (await objects.range({ from: head, to: commit, limit: 1 })).length === 0;
  }

  async function blobIds(
    commit: string,
    paths: readonly string[],
  ): Promise<Record<string, string | null>> {
    const ids = await Promise.all(paths.map((path) => objects.blobId(commit, path)));
    return Object.fromEntries(paths.map((path, place) => [path, ids[place] ?? null]));
  }

  async function fetchNow(): Promise<{ head: string | null; previous: string | null }> {
    await prepareMirror(context);
    const previous = await objects.resolve(main);
    const flags = ['--no-tags'];
    // A deleted branch would otherwise stand in the way of a new one below its name; not --atomic with it, because one
    // transaction cannot hold the end of the one and the beginning of the other.
    flags.push(refspecs.some((refspec) => refspec.includes('*')) ? '--prune' : '--atomic');
    await bring(flags, refspecs, previous);
    return { head: await objects.resolve(main), previous };
  }

  /** @param previous main as it was, where the mirror may be behind it; without one an empty remote is no fault. */
  async function bring(
    flags: readonly string[],
    specs: readonly string[],
    previous: string | null = null,
  ): Promise<void> {
    listed = null;
    const room = maxBytes - (await storedNow());
    if (room <= 0) throw overQuota();
    const fixed = ['--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules'];
    let failure: GitError | null;
    try {
      const result = await runGit(context, ['fetch', ...flags, ...fixed, '--', url, ...specs], {
        ...{ network: true, fileBytes: room, listed: true },
      });
      failure = result.exitCode === 0 ? null : fetchFailure(url, previous, result);
      if (failure === null) listed = result.stdout;
      if (failure === null || isEmptyRemote(previous, result)) {
        await putPacksTogether();
        // Counted while nobody waits for it.
        stored = storedBytes(directory).catch(() => null);
        return;
      }
      // Git says that index-pack failed, not why; what it had written by then does.
      if ((await storedBytes(directory)) > maxBytes - 1024) failure = overQuota();
    } catch (cause) {
      if (!(cause instanceof GitError) || cause.code !== 'git-failed') throw cause;
      failure = new GitError('git-unreachable', `${shown(url)}: ${cause.message}`, { cause });
    }
    await removeLeftovers(directory);
    throw failure;
  }

  /** Tidies up where a git may have been killed since: before this process, or in a fetch of its own that failed. */
  async function storedNow(): Promise<number> {
    const known = await stored;
    stored = null;
    if (known !== null) return known;
    await tidyMirror(context);
    return await storedBytes(directory);
  }

  function overQuota(): GitError {
    return new GitError(
      'git-quota',
      `${shown(url)}: its mirror ${directory} may hold ${maxBytes} bytes and would hold more; look at what was pushed, or raise the mirror's maxBytes`,
    );
  }

  /** Merges small packs into larger ones and leaves out nothing, also not what no ref reaches. */
  async function putPacksTogether(): Promise<void> {
    if ((await packCount(directory)) <= maxPacks) return;
    const flags = ['--geometric=2', '-d', '--quiet'];
    const result = await runGit(context, ['repack', ...flags], { fileBytes: maxBytes });
    if (result.exitCode !== 0) throw failed('repack', result);
  }

  async function acceptNow({ from, to }: { from: string; to: string }): Promise<void> {
    await bring(['--no-tags', '--atomic'], [`+${main}:${offered}`]);
    try {
      const head = await resolve(offered);
      const line = head === null ? [] : await firstParents(head);
      if (!line.includes(to)) {
        throw new GitError(
          'git-rewound',
          `${shown(url)}: ${to} was accepted, and main is ${String(head)}, which has no such commit on its first-parent line`,
        );
      }
      const result = await runGit(context, ['update-ref', '--no-deref', main, to, from], {
        fileBytes: refBytes,
      });
      listed = null;
      if (result.exitCode !== 0) {
        throw new GitError(
          'git-rewound',
          `${shown(url)}: main is not at ${from}, from which the rewrite was accepted`,
        );
      }
    } finally {
      listed = null;
      await runGit(context, ['update-ref', '-d', offered], { fileBytes: refBytes });
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  }

  return {
    objects,
    fetch() {
      waiting ??= inTurn(() => {
        waiting = null;
        return fetchNow();
      });
      return waiting;
    },
    acceptRewrite(rewrite) {
      refuseCommit(rewrite.from);
      refuseCommit(rewrite.to);
      return inTurn(() => acceptNow(rewrite));
    },
    mainHead: () => objects.resolve(main),
    async resolve(ref) {
      refuseRef(ref);
      return await resolve(ref);
    },
    async refs(...prefixes) {
      for (const prefix of prefixes) refuseRef(`${prefix}x`);
      const lines = (listed ?? (await output(...listing))).toString('utf8').split('\n');
      const found = lines.flatMap((line) => {
        const [type, commit, ref] = line.split(' ');
        return type === 'commit' && commit !== undefined && ref !== undefined
          ? [{ ref, commit }]
          : [];
      });
      return prefixes.flatMap((prefix) => found.filter(({ ref }) => ref.startsWith(prefix)));
    },
    async commitFacts(commit, paths) {
      if (!(await knownCommit(commit))) return null;
      const [head, blobs] = await Promise.all([objects.resolve(main), blobIds(commit, paths)]);
      const position = head === null ? undefined : (await mainPositions(head)).get(commit);
      return {
        onMain: position !== undefined || (head !== null && (await isAncestor(commit, head))),
        firstParent: position !== undefined,
        position: position ?? 0,
        blobs,
      };
    },
    commitObject: (commit) => objects.commit(commit),
    readBlob: (commit, path) => objects.readBlob(commit, path),
    async log({ from, to, limit }) {
      refuseCommit(to);
      if (from !== null) refuseCommit(from);
      return (await objects.range({ from, to, limit })).map(logEntry);
    },
    async reverts({ from, to, limit }) {
      refuseCommit(to);
      refuseCommit(from);
      const commits = await objects.range({ from, to, limit: Infinity });
      return commits.flatMap((one) => revertOf(one) ?? []).slice(0, limit);
    },
    listFiles: (commit, directory) => objects.listFiles(commit, directory),
    async allFiles(commit) {
      if (!(await knownCommit(commit))) return null;
      const entries = await objects.differences({ from: null, to: commit });
      return entries.filter(({ mode }) => mode.startsWith('100')).map(({ path }) => path);
    },
    async mergeBase(one, other) {
      if (!(await knownCommit(one)) || !(await knownCommit(other))) return null;
      const result = await git('merge-base', one, other);
      if (result.exitCode > 1) throw failed('merge-base', result);
      return result.exitCode === 0 ? result.stdout.toString('latin1').trim() : null;
    },
    async changedFiles({ from, to }) {
      refuseCommit(to);
      if (from !== null) refuseCommit(from);
      const [files, counts] = await Promise.all([
        objects.differences({ from, to }),
        lineCounts(from ?? emptyTree, to),
      ]);
      const unknown = { added: null, removed: null };
      return files.map(({ path, status }) => ({
        ...{ path, status },
        ...(counts.get(path) ?? unknown),
      }));
    },
    archive(commit) {
      refuseCommit(commit);
      return archiveStream(context, commit);
    },
  };
}

function refuseUrl(url: string, protocols: readonly GitProtocol[]): void {
  const scheme = isAbsolute(url) ? 'file' : /^([a-z]+):\/\//.exec(url)?.[1];
  if (protocols.some((protocol) => protocol === scheme)) return;
  throw new GitError(
    'configuration-git-url',
    `${shown(url)}: expected a URL that begins with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}` +
      '; correct the URL, or allow its protocol',
  );
}

const shown = (url: string): string => url.replace(/\/\/[^/@\s]*@/, '//');

function failed(verb: string, { exitCode, stderr }: GitResult): GitError {
  return new GitError('git-failed', `git ${verb} ended with ${exitCode}: ${lastWords(stderr)}`);
}

const remoteHasNoMain = /couldn't find remote ref refs\/heads\/main/;

function isEmptyRemote(previous: string | null, { stderr }: GitResult): boolean {
  return previous === null && remoteHasNoMain.test(stderr);
}

function fetchFailure(url: string, previous: string | null, { stderr }: GitResult): GitError {
  const at = shown(url);
  if (/\(non-fast-forward\)/.test(stderr)) {
    return new GitError(
      'git-rewound',
      `${at}: main does not continue from ${String(previous)}: its history was rewritten`,
    );
  }
  if (remoteHasNoMain.test(stderr)) {
    return new GitError('git-rewound', `${at}: main is gone; it was ${String(previous)}`);
  }
  if (/fsck error/.test(stderr)) {
    return new GitError(
      'git-fsck',
      `${at}: sent an object that is refused: ${objectFault(stderr)}`,
    );
  }
  return new GitError('git-unreachable', `${at}: ${lastWords(stderr)}`);
}

const objectFault = (stderr: string): string =>
  /^error: (object .*)$/m.exec(stderr)?.[1] ?? lastWords(stderr);
