/** Descriptors handed into a sandbox, made in memory (/dev/shm) and without a name by the time anybody uses them. */
import { execFile } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SandboxError } from './errors.ts';
import { requireProgram } from './host.ts';

const memory = '/dev/shm';

/** What is written at one end is read at the other; whoever takes an end closes it. */
export type Ends = { reader: number; writer: number };

export type Descriptors = {
  stdout: Ends;
  stderr: Ends;
  /**
   * A file, not a pipe: bwrap writes it between making its child and releasing it, and a broken pipe there would end bwrap
   * and leave that child waiting for ever.
   */
  status: Ends;
  inputs: number[];
};

/**
 * Makes real pipes for the output and a read-only file for each input.
 *
 * What Node itself calls a pipe is a socket, which cannot be opened again through /dev/stdout, /dev/stderr or /dev/fd/N, and
 * scripts do that.
 *
 * @throws SandboxError `sandbox-unavailable` when there is no /dev/shm: an input may be a secret, and never goes to a disk.
 */
export async function createDescriptors(inputs: readonly Buffer[]): Promise<Descriptors> {
  if (!existsSync(memory)) {
    throw new SandboxError('sandbox-unavailable', `${memory} is missing; mount a tmpfs there`);
  }
  await leftovers;
  await making;
  const ways = spare.pop() ?? (await makeWays());
  if (inputs.length === 0) return { ...ways, inputs: [] };
  return await inMemory((directory) => ({
    ...ways,
    inputs: inputs.map((bytes) => {
      const { reader, writer } = memoryFile(join(directory, 'input'));
      let written = 0;
      while (written < bytes.length) written += writeSync(writer, bytes, written);
      closeSync(writer);
      return reader;
    }),
  }));
}

/** What comes out of a sandbox. */
type Ways = Omit<Descriptors, 'inputs'>;

/** Each for one sandbox; no other ever has them. */
const spare: Ways[] = [];
/** Starting a process costs this one some milliseconds, however many pipes that makes. */
const madeTogether = 8;
let making: Promise<void> | null = null;

/** Makes what the next sandboxes need while nobody waits: pipes take a process, and a first line would wait for that. */
export function prepareDescriptors(): void {
  if (spare.length > 0 || making !== null) return;
  making = makeAll(madeTogether)
    .then((made) => {
      spare.push(...made);
    })
    // Whoever wants them makes them anew, and is told then what is wrong.
    .catch(() => {})
    .finally(() => {
      making = null;
    });
}

async function makeWays(): Promise<Ways> {
  const [made] = await makeAll(1);
  if (made === undefined) throw new Error('nothing was made of one');
  return made;
}

function makeAll(count: number): Promise<Ways[]> {
  return inMemory(async (directory) => {
    const names = Array.from({ length: count }, (_, index) => ({
      out: join(directory, `stdout-${index}`),
      err: join(directory, `stderr-${index}`),
    }));
    const paths = names.flatMap(({ out, err }) => [out, err]);
    await promisify(execFile)(requireProgram('mkfifo', 'coreutils'), ['-m', '0666', ...paths]);
    return names.map(({ out, err }) => ({
      stdout: openPipe(out),
      stderr: openPipe(err),
      status: memoryFile(join(directory, 'status')),
    }));
  });
}

/** @param use gets a directory of 0700; what is in it is open to all, because opening again inside the sandbox is another account's act. */
async function inMemory<T>(use: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(memory, `airlock-${process.pid}-`));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function openPipe(path: string): Ends {
  // Opening one end waits for the other; opening both at once never does.
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const reader = openSync(path, constants.O_RDONLY);
    return { reader, writer: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
  }
}

/** An empty file that has lost its name before anything is written to it. */
function memoryFile(path: string): Ends {
  const writer = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o444);
  const reader = openSync(path, constants.O_RDONLY);
  unlinkSync(path);
  return { reader, writer };
}

/** Removes what processes left that were killed while making pipes. */
const leftovers: Promise<void> = (async () => {
  for (const name of existsSync(memory) ? await readdir(memory) : []) {
    const pid = /^airlock-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      // Another account's is not ours to remove.
      await rm(join(memory, name), { recursive: true, force: true }).catch(() => {});
    }
  }
})();
