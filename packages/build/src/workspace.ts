/** Directories of jobs on this machine: made for one job, gone after it. Nothing in them is ever executed or followed. */
import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, open, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError } from '@airlock/process/config';
import type { BuildLimits } from './isolation/limits.ts';

const prefix = 'job-';
const run = promisify(execFile);

export type WorkspaceLimits = Pick<BuildLimits, 'workspace' | 'workspaceBytes' | 'workspaceFiles'>;

export type Workspace = {
  /** The directory that steps see; writable by them. */
  path: string;
  /** A path beside it, for a file that steps do not see unless it is given to them. */
  beside(name: string): string;
  destroy(): Promise<void>;
};

/**
 * @param limits of the builder; where they wall the workspace it is a file system of its own.
 * @throws Error of mkfs or mount, when there is no such file system to be had.
 */
export async function createWorkspace(
  workDirectory: string,
  limits: WorkspaceLimits = { workspace: 'watched', workspaceBytes: 0, workspaceFiles: 0 },
): Promise<Workspace> {
  // mkdtemp makes it 0700: no other account of this machine looks into a job.
  const directory = await mkdtemp(join(workDirectory, prefix));
  const path = join(directory, 'build');
  await mkdir(path, { mode: 0o700 });
  if (limits.workspace === 'walled') {
    try {
      await mountDisk(directory, path, limits);
    } catch (error) {
      await removeTree(directory);
      throw error;
    }
  }
  return {
    path,
    beside: (name) => join(directory, name),
    destroy: () => removeTree(directory),
  };
}

/** The file goes with the directory: what is mounted has it open until it is taken away. */
async function mountDisk(directory: string, path: string, limits: WorkspaceLimits): Promise<void> {
  const file = join(directory, 'disk');
  const handle = await open(file, 'wx', 0o600);
  await handle.truncate(limits.workspaceBytes);
  await handle.close();
  // No journal: nothing in it outlives the job. Nothing is kept for root, who does not write here.
  await run('mkfs.ext4', [
    ...['-q', '-F', '-m', '0', '-O', '^has_journal', '-E', 'lazy_itable_init=1,nodiscard'],
    ...['-N', String(limits.workspaceFiles), file],
  ]);
  // The file is zeros already: the kernel need not write its tables of inodes beside the job.
  await run('mount', ['-t', 'ext4', '-o', 'loop,nosuid,nodev,noinit_itable', file, path]);
  await rmdir(join(path, 'lost+found'));
}

/**
 * Makes the work directory, and removes what jobs left in it whose runner was killed.
 *
 * @throws ConfigurationError when workspaces are to be walled and cannot be.
 */
export async function prepareWorkDirectory(
  workDirectory: string,
  limits: WorkspaceLimits,
): Promise<void> {
  await mkdir(workDirectory, { recursive: true, mode: 0o700 });
  for (const name of await readdir(workDirectory)) {
    if (name.startsWith(prefix)) await removeTree(join(workDirectory, name));
  }
  if (limits.workspace !== 'walled') return;
  try {
    const tried = await createWorkspace(workDirectory, limits);
    await tried.destroy();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new ConfigurationError(
      'configuration-refused',
      `limits.workspace: no file system can be made for a job: ${why}; it needs root, mkfs.ext4 (Debian: e2fsprogs) and loop devices, or leave it at watched`,
      { cause },
    );
  }
}

async function removeTree(directory: string): Promise<void> {
  const disk = join(directory, 'disk');
  const hasDisk = await lstat(disk).catch(() => null);
  if (hasDisk !== null) {
    // Lazily: a mount namespace of a step that is just ending may still have it.
    await run('umount', ['-l', join(directory, 'build')]).catch(() => {});
    await rm(disk);
  }
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
    // Builds leave directories that their owner may not write (Go's module cache does). chmod -R follows no link.
    await run('chmod', ['-R', 'u+rwX', '--', directory]);
    await rm(directory, { recursive: true, force: true });
  }
}
