import { createWriteStream } from 'node:fs';
import { chmod, open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Isolation } from './isolation/isolation.ts';
import type { Workspace } from './workspace.ts';

const unpackSeconds = 600;

export type UnpackedSource =
  | {
      readonly ok: true;
      /** Modification time of the archive's first member in seconds since 1970: `git archive` writes the commit's there. */
      readonly time: number;
      readonly enforced: readonly string[];
    }
  | { readonly ok: false; readonly complaint: string; readonly enforced: readonly string[] };

/** Unpacks a tar into the workspace, from inside the isolation. What the archive says of paths leads nowhere else. */
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
  const time = await firstMemberTime(archive);
  await rm(archive);
  return exitCode === 0
    ? { ok: true, time, enforced }
    : { ok: false, complaint: complaint.trim() || outcome, enforced };
}

/** 0 for what is no tar; tar itself says so. */
async function firstMemberTime(archive: string): Promise<number> {
  const file = await open(archive, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const octal = buffer.toString('latin1', 136, 147);
    return /^[0-7]{11}$/.test(octal) ? Number.parseInt(octal, 8) : 0;
  } finally {
    await file.close();
  }
}
