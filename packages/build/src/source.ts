import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ArchiveError } from '@airlock/artifacts/archive-error';
import type { Isolation } from './isolation/isolation.ts';
import { type SourceTree, SourceTreeError, sourceTreeOf } from './source-tree.ts';
import type { Workspace } from './workspace.ts';

const unpackSeconds = 600;

export type UnpackedSource =
  | { readonly ok: true; readonly source: SourceTree; readonly enforced: readonly string[] }
  | { readonly ok: false; readonly complaint: string; readonly enforced: readonly string[] };

/**
 * Unpacks the tar of a commit into the workspace, from inside the isolation. Which tree that is was read before, here and not
 * there, from the very file that is unpacked. What the archive says of paths leads nowhere else.
 */
export async function unpackSource(options: {
  isolation: Isolation;
  workspace: Workspace;
  source: Readable;
  signal: AbortSignal;
}): Promise<UnpackedSource> {
  const { isolation, workspace, signal } = options;
  const archive = workspace.beside('source.tar');
  await pipeline(options.source, createWriteStream(archive, { flags: 'wx' }), { signal });
  // Readable by all, in a directory that is not: the sandbox has another account, and our umask may be strict.
  await chmod(archive, 0o644);
  const read = await readTree(archive);
  if ('complaint' in read) return { ok: false, ...read, enforced: [] };
  let complaint = '';
  const { exitCode, outcome, enforced } = await isolation.run({
    // Modes as the archive has them and no more, whatever umask this process was started with.
    command: ['/bin/sh', '-c', 'umask 022; exec tar -x -f "$AIRLOCK_INPUT"'],
    env: {},
    workspace: workspace.path,
    writable: true,
    input: archive,
    wallSeconds: unpackSeconds,
    signal,
    onOutput: (_, chunk) => {
      complaint = (complaint + chunk.toString()).slice(0, 500);
    },
  });
  signal.throwIfAborted();
  await rm(archive);
  return exitCode === 0
    ? { ok: true, source: read.source, enforced }
    : { ok: false, complaint: complaint.trim() || outcome, enforced };
}

async function readTree(archive: string): Promise<{ source: SourceTree } | { complaint: string }> {
  try {
    return { source: await sourceTreeOf(createReadStream(archive)) };
  } catch (cause) {
    if (cause instanceof SourceTreeError || cause instanceof ArchiveError) {
      return { complaint: cause.message };
    }
    throw cause;
  }
}
