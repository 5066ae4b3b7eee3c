/** Descriptors handed into a sandbox, made in memory (/dev/shm) and without a name by the time anybody uses them. */
import { execFile } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SandboxError } from './errors.ts';
import { requireProgram } from './host.ts';

const memory = '/dev/shm';

/** Both ends of a pipe; whoever takes an end closes it. */
export type Pipe = { reader: number; writer: number };
export type Descriptors = { stdout: Pipe; stderr: Pipe; inputs: number[] };

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
  // The directory is 0700; what is in it is open to all, because opening again inside the sandbox is another account's act.
  const directory = await mkdtemp(join(memory, 'airlock-'));
  try {
    const [out, err] = [join(directory, 'stdout'), join(directory, 'stderr')];
    await promisify(execFile)(requireProgram('mkfifo', 'coreutils'), ['-m', '0666', out, err]);
    return {
      stdout: openPipe(out),
      stderr: openPipe(err),
      inputs: inputs.map((bytes, index) => {
        const path = join(directory, String(index));
        writeFileSync(path, bytes, { mode: 0o444, flag: 'wx' });
        return openSync(path, constants.O_RDONLY);
      }),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function openPipe(path: string): Pipe {
  // Opening one end waits for the other; opening both at once never does.
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const reader = openSync(path, constants.O_RDONLY);
    return { reader, writer: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
  }
}
