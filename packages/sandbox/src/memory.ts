/** What this process has in memory (/dev/shm) and never on a disk. */
import { chmodSync, closeSync, constants, existsSync, mkdtempSync } from 'node:fs';
import { openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from './errors.ts';

const memory = '/dev/shm';

/** What is written at one end is read at the other; whoever takes an end closes it. */
export type Ends = { reader: number; writer: number };

/**
 * A function that gives one directory of this process, of this mode, which goes with the process. Whoever is killed leaves it to
 * the next process of its account.
 *
 * Its result throws SandboxError `sandbox-unavailable` when there is no /dev/shm: an input may be a secret, and never goes to
 * a disk.
 */
export function ownDirectory(mode: number): () => string {
  let made: string | null = null;
  return () => {
    // Somebody may tidy up there. A name that is gone may be another's by now, and is not used again.
    if (made !== null && existsSync(made)) return made;
    if (!existsSync(memory)) {
      throw new SandboxError('sandbox-unavailable', `${memory} is missing; mount a tmpfs there`);
    }
    const directory = mkdtempSync(join(memory, `airlock-${process.pid}-`));
    chmodSync(directory, mode);
    process.once('exit', () => {
      rmSync(directory, { recursive: true, force: true });
    });
    made = directory;
    return directory;
  };
}

/**
 * Of this account alone: what is in it is open to all, because opening again inside the sandbox is another account's act, and
 * has a name there for a moment.
 */
export const privateDirectory = ownDirectory(0o700);

let names = 0;

/** A path in {@link privateDirectory} that this process has not used. */
export function newPath(): string {
  names += 1;
  return join(privateDirectory(), String(names));
}

/** An empty file that has lost its name before anything is written to it. */
export function memoryFile(): Ends {
  const path = newPath();
  const writer = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o444);
  const reader = openSync(path, constants.O_RDONLY);
  unlinkSync(path);
  return { reader, writer };
}

/** A descriptor from which these bytes are read; whoever takes it closes it. */
export function inMemory(bytes: Buffer): number {
  const { reader, writer } = memoryFile();
  let written = 0;
  while (written < bytes.length) written += writeSync(writer, bytes, written);
  closeSync(writer);
  return reader;
}

/** Resolves when what processes left that were killed is removed. */
export const leftovers: Promise<void> = (async () => {
  for (const name of existsSync(memory) ? await readdir(memory) : []) {
    const pid = /^airlock-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      // Another account's is not ours to remove.
      await rm(join(memory, name), { recursive: true, force: true }).catch(() => {});
    }
  }
})();
