/** Directories of jobs on this machine: made for one job, gone after it. Nothing in them is ever executed or followed. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const prefix = 'job-';

export type Workspace = {
  /** The directory that steps see; writable by them. */
  path: string;
  /** A path beside it, for a file that steps do not see unless it is given to them. */
  beside(name: string): string;
  destroy(): Promise<void>;
};

export async function createWorkspace(workDirectory: string): Promise<Workspace> {
  // mkdtemp makes it 0700: no other account of this machine looks into a job.
  const directory = await mkdtemp(join(workDirectory, prefix));
  const path = join(directory, 'build');
  await mkdir(path, { mode: 0o700 });
  return {
    path,
    beside: (name) => join(directory, name),
    destroy: () => removeTree(directory),
  };
}

/** Makes the work directory, and removes what jobs left in it whose runner was killed. */
export async function prepareWorkDirectory(workDirectory: string): Promise<void> {
  await mkdir(workDirectory, { recursive: true, mode: 0o700 });
  for (const name of await readdir(workDirectory)) {
    if (name.startsWith(prefix)) await removeTree(join(workDirectory, name));
  }
}

async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
    // Builds leave directories that their owner may not write (Go's module cache does). chmod -R follows no link.
    await promisify(execFile)('chmod', ['-R', 'u+rwX', '--', directory]);
    await rm(directory, { recursive: true, force: true });
  }
}
