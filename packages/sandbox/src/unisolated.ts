/**
 * Runs one command with nothing between it and this machine: as this process's own user, with everything that it may do.
 * For the demo where bubblewrap is missing. What is kept of a sandbox is only what its caller needs: the given environment and
 * no other, and an end. A process that leaves its group (setsid) is not ended, nor is anything when this process is killed.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Writable, type Readable } from 'node:stream';
import { SandboxError } from './errors.ts';
import { strayDescriptors } from './host.ts';
import type { SandboxOptions, SandboxResult } from './options.ts';

export type UnisolatedOptions = Pick<
  SandboxOptions,
  'command' | 'env' | 'inheritFds' | 'workingDirectory' | 'onOutput' | 'signal'
> & {
  /** Seconds until the command's process group is killed; fractions allowed. */
  wallSeconds: number;
};

/**
 * Resolves when the command has ended and every process of its group was killed.
 *
 * @throws SandboxError `sandbox-unavailable` when the program could not be started. What `onOutput` throws ends the command
 *   and is thrown on.
 */
export async function runUnisolated(options: UnisolatedOptions): Promise<SandboxResult> {
  const started = performance.now();
  const [program = '/bin/sh', ...args] = options.command;
  const devNull = openSync('/dev/null', 'r');
  const child = spawn(program, args, {
    cwd: options.workingDirectory,
    env: options.env,
    stdio: descriptors(options.inheritFds ?? [], devNull),
    detached: true,
  });
  closeSync(devNull);
  const ending: { reason: 'timed-out' | 'cancelled' | null } = { reason: null };
  const kill = (reason: 'timed-out' | 'cancelled'): void => {
    // Once it exited by itself, what was done in time stays done.
    if (child.exitCode === null && child.signalCode === null) ending.reason ??= reason;
    killGroup(child.pid);
  };
  const timer = setTimeout(kill, options.wallSeconds * 1000, 'timed-out');
  const onAbort = (): void => {
    kill('cancelled');
  };
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted === true) onAbort();
  const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        new SandboxError(
          'sandbox-unavailable',
          `${program} could not be started: ${cause.message}`,
          { cause },
        ),
      );
    });
    child.once('exit', (code, by) => {
      // What it left behind would hold the output open.
      killGroup(child.pid);
      resolve([code, by]);
    });
  });
  const relay = async (name: 'stdout' | 'stderr', stream: Readable | null): Promise<void> => {
    if (stream === null) return;
    // A stream without an encoding yields buffers.
    const chunks: AsyncIterable<Buffer> = stream;
    for await (const chunk of chunks) await options.onOutput(name, chunk);
  };
  for (const { fd, source } of options.inheritFds ?? []) {
    const stream = child.stdio[fd];
    if (!Buffer.isBuffer(source) || !(stream instanceof Writable)) continue;
    // A command that ends without reading it is told by its exit code.
    stream.on('error', () => {});
    stream.end(source);
  }
  try {
    const [[exitCode, signal]] = await Promise.all([
      exited,
      relay('stdout', child.stdout),
      relay('stderr', child.stderr),
    ]);
    const result = {
      durationMs: Math.round(performance.now() - started),
      exceeded: [],
      enforced: [],
    };
    if (ending.reason !== null)
      return { outcome: ending.reason, exitCode: null, signal: null, ...result };
    return { outcome: signal === null ? 'exited' : 'signalled', exitCode, signal, ...result };
  } finally {
    killGroup(child.pid);
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function descriptors(
  inherited: NonNullable<SandboxOptions['inheritFds']>,
  devNull: number,
): ('ignore' | 'pipe' | number)[] {
  const given = new Map<number, 'pipe' | number>([
    [1, 'pipe'],
    [2, 'pipe'],
  ]);
  // Nothing can close a stray descriptor in the child, but something harmless can be laid over it.
  for (const fd of strayDescriptors()) given.set(fd, devNull);
  for (const { fd, source } of inherited) given.set(fd, Buffer.isBuffer(source) ? 'pipe' : source);
  // Above 2, `ignore` means closed.
  return Array.from(
    { length: Math.max(...given.keys()) + 1 },
    (_, fd) => given.get(fd) ?? 'ignore',
  );
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: all of them are gone already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
