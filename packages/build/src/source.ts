import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ArchiveError } from '@airlock/artifacts/archive-error';
import { appendGitDirectory, checkoutFault, type Checkout } from './git-directory/git-directory.ts';
import type { Isolation } from './isolation/isolation.ts';
import {
  type SourceArchive,
  type SourceTree,
  SourceTreeError,
  sourceTreeOf,
} from './source-tree.ts';
import type { Workspace } from './workspace.ts';

const unpackSeconds = 600;
const readBytes = 1 << 20;

type Unpacked =
  | { readonly ok: true; readonly enforced: readonly string[] }
  | { readonly ok: false; readonly complaint: string; readonly enforced: readonly string[] };

/** `source`: which tree lies in the directory; null when nothing was unpacked. */
export type UnpackedSource = Unpacked & { readonly source: SourceTree | null };

/** What is unpacked for a job. */
export type Source = {
  /** The tree of a commit as `git archive` writes it. */
  readonly archive: Readable;
  /** For the `.git` of the work tree; null: there is none. */
  readonly checkout: Checkout | null;
};

/**
 * Unpacks a commit into the workspace, from inside the isolation. Which tree that is was read before, here and not there,
 * from the very file that is unpacked. What the archive says of paths leads nowhere else.
 */
export async function unpackSource(options: {
  isolation: Isolation;
  workspace: Workspace;
  /** Made if it is absent. */
  directory: string;
  /** Null: the directory stays empty. */
  source: Source | null;
  signal: AbortSignal;
  now: () => Date;
}): Promise<UnpackedSource> {
  const { workspace, source, signal } = options;
  if (source === null) return { ...(await enterDirectory(options, null)), source: null };
  const file = workspace.beside('source.tar');
  await pipeline(source.archive, createWriteStream(file, { flags: 'wx' }), { signal });
  // Readable by all, in a directory that is not: the sandbox has another account, and our umask may be strict.
  await chmod(file, 0o644);
  const read = await readArchive(file, source.checkout, options.now());
  if ('complaint' in read) return { ok: false, ...read, enforced: [], source: null };
  const unpacked = await enterDirectory(options, file);
  await rm(file);
  return { ...unpacked, source: read.source };
}

/** Reads what an archive holds, and adds `.git` to it. */
async function readArchive(
  file: string,
  checkout: Checkout | null,
  now: Date,
): Promise<{ source: SourceTree } | { complaint: string }> {
  let archive: SourceArchive;
  try {
    archive = await sourceTreeOf(createReadStream(file, { highWaterMark: readBytes }));
  } catch (cause) {
    if (cause instanceof SourceTreeError || cause instanceof ArchiveError) {
      return { complaint: cause.message };
    }
    throw cause;
  }
  if (checkout === null) return { source: archive.source };
  const fault = checkoutFault(checkout, archive.source.tree);
  if (fault !== null) return { complaint: fault };
  const handle = await open(file, 'r+');
  try {
    await appendGitDirectory(handle, archive, { checkout, now });
  } finally {
    await handle.close();
  }
  return { source: archive.source };
}

/** Makes the directory of the source, and unpacks an archive into it. */
async function enterDirectory(
  options: { isolation: Isolation; workspace: Workspace; directory: string; signal: AbortSignal },
  archive: string | null,
): Promise<Unpacked> {
  const { isolation, workspace, directory, signal } = options;
  if (archive === null && directory === '.') return { ok: true, enforced: [] };
  const unpack = archive === null ? '' : ' && exec tar -x -f "$AIRLOCK_INPUT"';
  let complaint = '';
  const { exitCode, outcome, enforced } = await isolation.run({
    // Modes as the archive has them and no more, whatever umask this process was started with.
    command: [
      ...['/bin/sh', '-c', `umask 022; mkdir -p -- "$1" && cd -- "$1"${unpack}`, 'sh', directory],
    ],
    env: {},
    workspace: workspace.path,
    writable: true,
    ...(archive === null ? {} : { input: archive }),
    wallSeconds: unpackSeconds,
    signal,
    onOutput: (_, chunk) => {
      complaint = (complaint + chunk.toString()).slice(0, 500);
    },
  });
  signal.throwIfAborted();
  return exitCode === 0
    ? { ok: true, enforced }
    : { ok: false, complaint: complaint.trim() || outcome, enforced };
}
