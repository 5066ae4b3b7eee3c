/** Descriptors handed into a sandbox, made in memory and without a name by the time anybody uses them. */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { requireProgram } from './host.ts';
import { inMemory, leftovers, memoryFile, newPath, type Ends } from './memory.ts';

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
 * @throws SandboxError `sandbox-unavailable`
 */
export async function createDescriptors(inputs: readonly Buffer[]): Promise<Descriptors> {
  await leftovers;
  if (spare.length === 0) await making;
  const ways = spare.pop() ?? (await makeWays());
  return { ...ways, inputs: inputs.map(inMemory) };
}

/** What comes out of a sandbox. */
type Ways = Omit<Descriptors, 'inputs'>;

/** Each for one sandbox; no other ever has them. */
const spare: Ways[] = [];
/** Starting a process costs this one some milliseconds, however many pipes that makes. */
const madeTogether = 8;
/** Fewer than these are added to: whoever comes while they are being made finds some. */
const fewest = 3;
let making: Promise<void> | null = null;

/** Makes what the next sandboxes need while nobody waits: pipes take a process, and a first line would wait for that. */
export function prepareDescriptors(): void {
  if (spare.length >= fewest || making !== null) return;
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

async function makeAll(count: number): Promise<Ways[]> {
  const names = Array.from({ length: count }, () => ({ out: newPath(), err: newPath() }));
  const paths = names.flatMap(({ out, err }) => [out, err]);
  await promisify(execFile)(requireProgram('mkfifo', 'coreutils'), ['-m', '0666', ...paths]);
  return names.map(({ out, err }) => ({
    stdout: openPipe(out),
    stderr: openPipe(err),
    status: memoryFile(),
  }));
}

/** Takes its name away. */
function openPipe(path: string): Ends {
  // Opening one end waits for the other; opening both at once never does.
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const reader = openSync(path, constants.O_RDONLY);
    return { reader, writer: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
    unlinkSync(path);
  }
}
