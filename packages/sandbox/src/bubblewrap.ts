/**
 * Runs one command in a sandbox of its own: no network, no other process, no file of the host but its programs and what the
 * caller binds, no environment but what the caller gives, no capability, a system call filter.
 *
 * bwrap is started with an empty environment and takes its arguments from a descriptor, because it stays pid 1 inside the
 * sandbox and the command may read /proc/1/environ and /proc/1/cmdline (containers/bubblewrap#725).
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { accountFiles, bubblewrapArguments } from './arguments.ts';
import { createDescriptors } from './descriptors.ts';
import { launcher } from './launcher.ts';
import { SandboxError } from './errors.ts';
import { findProgram, strayDescriptors } from './host.ts';
import { seccompProgram } from './seccomp.ts';

export type SandboxBind = {
  /**
   * Absolute path on the host, not a symbolic link. When this process is root, a writable source that root owns is handed
   * to the sandbox's account, and a read-only one must be readable by everybody.
   */
  source: string;
  target: string;
  /** Default false. */
  writable?: boolean;
};

export type SandboxLimits = {
  /** Seconds until everything in the sandbox is killed; fractions allowed. */
  wallSeconds: number;
  /** Size of the largest single file that may be written, in bytes. */
  fileBytes: number;
  processes: number;
  openFiles: number;
};

export type SandboxOptions = {
  /** Program (absolute, or found by PATH in `env`) and its arguments. */
  command: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  binds: readonly SandboxBind[];
  /** Read-only files in memory; their bytes never touch the host's disk nor any command line. */
  files: readonly { target: string; content: Buffer }[];
  /** Descriptors the command finds open, numbered 10 to 200: bytes as a file in memory, or an open file of this process. */
  inheritFds?: readonly { fd: number; source: Buffer | number }[];
  workingDirectory: string;
  hostname: string;
  limits: SandboxLimits;
  /** A promise holds the stream back until it settles, so that a flood of output waits instead of filling memory. */
  onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;
  /** Kills everything in the sandbox. */
  signal?: AbortSignal | undefined;
};

export type SandboxResult = {
  /** `signalled` also when a shell inside reports by its exit code (128 + n) that its child was. */
  outcome: 'exited' | 'signalled' | 'timed-out' | 'cancelled';
  exitCode: number | null;
  signal: string | null;
  durationMs: number;
  /** What held the command, in words that go into the attestation of a build. */
  enforced: string[];
};

const namespaceWords = [
  'seccomp',
  'no-network',
  'no-capabilities',
  'no-new-privileges',
  'own-user-namespace',
  'own-processes',
  'read-only-root',
  'wall-clock',
];

/**
 * Resolves when every process of the sandbox is gone, whatever the outcome.
 *
 * @throws SandboxError `sandbox-unavailable` when a program is missing, `sandbox-options-refused`, or
 *   `sandbox-setup-failed` when the command never started. What `onOutput` throws ends the sandbox and is thrown on.
 */
export async function runSandboxed(options: SandboxOptions): Promise<SandboxResult> {
  const inherited = options.inheritFds ?? [];
  checkOptions(options);
  const launch = launcher(options.binds);
  const filter = seccompProgram(process.arch);
  const prlimit = findProgram('prlimit');

  const { stdout, stderr, inputs } = await createDescriptors(
    inherited.flatMap(({ source }) => (typeof source === 'number' ? [] : [source])),
  );

  const started = performance.now();
  // `ignore` above 2 leaves a descriptor closed in the child.
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', stdout.writer, stderr.writer];
  const place = (fd: number, what: 'pipe' | number): number => {
    while (stdio.length <= fd) stdio.push('ignore');
    stdio[fd] = what;
    return fd;
  };
  const devNull = openSync('/dev/null', 'r');
  const toClose = [stdout.writer, stderr.writer, devNull, ...inputs];
  // Nothing can close a stray descriptor in the child, but something harmless can be laid over it.
  for (const fd of strayDescriptors()) place(fd, devNull);
  for (const { fd, source } of inherited) {
    const open = typeof source === 'number' ? source : inputs.shift();
    if (open !== undefined) place(fd, open);
  }
  const taken = new Set(stdio.flatMap((what, fd) => (what === 'ignore' ? [] : [fd])));
  let next = 3;
  const allot = (): number => {
    while (taken.has(next)) next += 1;
    taken.add(next);
    return place(next, 'pipe');
  };
  const descriptors = { args: allot(), seccomp: allot(), status: allot() };
  const files = [...accountFiles(options), ...options.files].map((file) => ({
    ...file,
    descriptor: allot(),
  }));

  const { limits } = options;
  const child = spawn(
    launch.program,
    [
      ...launch.leadingArguments,
      ...['--args', String(descriptors.args), '--'],
      // Inside, because RLIMIT_NPROC then counts the sandbox's own processes and not all of the account's.
      ...(prlimit === null
        ? []
        : [
            prlimit,
            ...['--core=0', `--fsize=${limits.fileBytes}`, `--nofile=${limits.openFiles}`],
            ...[`--nproc=${limits.processes}`, '--'],
          ]),
      ...options.command,
    ],
    // Detached: an interrupt typed at a terminal reaches this process, which decides, and not the sandbox.
    { env: {}, stdio, detached: true, cwd: '/' },
  );
  for (const fd of toClose) closeSync(fd);
  const exited = new Promise<Error | null>((resolve) => {
    child.once('exit', () => {
      resolve(null);
    });
    child.once('error', resolve);
  });

  let ended: 'timed-out' | 'cancelled' | null = null;
  const kill = (reason: 'timed-out' | 'cancelled'): void => {
    ended ??= reason;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(kill, limits.wallSeconds * 1000, 'timed-out');
  const onAbort = (): void => {
    kill('cancelled');
  };
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted === true) onAbort();

  const status: Buffer[] = [];
  let errorTail = '';
  try {
    const args = bubblewrapArguments(options, launch.binds, files, descriptors);
    feed(streamOf(child, descriptors.args), Buffer.from(args.map((arg) => `${arg}\0`).join('')));
    feed(streamOf(child, descriptors.seccomp), filter);
    for (const { descriptor, content } of files) feed(streamOf(child, descriptor), content);
    const relay = async (stream: 'stdout' | 'stderr', fd: number): Promise<void> => {
      for await (const chunk of new Socket({ fd, writable: false })) {
        // A socket without an encoding yields buffers.
        const bytes = chunk as Buffer;
        if (stream === 'stderr') errorTail = (errorTail + bytes.toString('latin1')).slice(-2000);
        try {
          await options.onOutput(stream, bytes);
        } catch (error) {
          kill('cancelled');
          throw error;
        }
      }
    };
    const [spawnError] = await Promise.all([
      exited,
      relay('stdout', stdout.reader),
      relay('stderr', stderr.reader),
      collect(streamOf(child, descriptors.status), status),
    ]);
    if (spawnError !== null) throw spawnError;
  } finally {
    await exited;
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    const { pid } = parseStatus(status);
    if (pid !== null) await gone(pid);
  }
  const { exitCode } = parseStatus(status);
  const base = {
    durationMs: Math.round(performance.now() - started),
    enforced: [
      ...namespaceWords,
      ...launch.enforced,
      ...(prlimit === null ? [] : ['core-size', 'file-size', 'open-files', 'processes']),
    ],
  };
  if (ended !== null) return { outcome: ended, exitCode: null, signal: null, ...base };
  if (exitCode === null) {
    throw new SandboxError(
      'sandbox-setup-failed',
      `the sandbox could not be set up: ${errorTail.trim() || `${launch.program} ended without a word`}`,
    );
  }
  const signal = signalName(exitCode - 128);
  return { outcome: signal === null ? 'exited' : 'signalled', exitCode, signal, ...base };
}

function checkOptions(options: SandboxOptions): void {
  const refuse = (message: string): never => {
    throw new SandboxError('sandbox-options-refused', message);
  };
  if (options.command.length === 0) refuse('no command given');
  for (const { fd } of options.inheritFds ?? []) {
    if (!Number.isInteger(fd) || fd < 10 || fd > 200)
      refuse(`descriptor ${fd} is not between 10 and 200`);
  }
  for (const [name, value] of Object.entries(options.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      refuse(`environment name ${JSON.stringify(name)} is malformed`);
    if (value.includes('\0')) refuse(`environment variable ${name} contains a NUL`);
  }
  const { wallSeconds } = options.limits;
  // setTimeout fires at once for more than 2^31 ms.
  if (!(wallSeconds > 0 && wallSeconds <= 2_000_000))
    refuse('limits.wallSeconds is not between 0 and 2000000');
}

function streamOf(child: ChildProcess, fd: number): Readable & Writable {
  // Node gives a duplex socket for every `pipe` above 2; its type says Readable or Writable.
  return child.stdio[fd] as Readable & Writable;
}

function feed(stream: Writable, bytes: Buffer): void {
  // A reader that ends early is told by the exit status, not here.
  stream.on('error', () => {});
  stream.end(bytes);
}

async function collect(stream: Readable, into: Buffer[]): Promise<void> {
  // A socket without an encoding yields buffers.
  for await (const chunk of stream) into.push(chunk as Buffer);
}

/** What bwrap reports as JSON lines: the pid of the sandbox's first process, and the exit code once it started. */
function parseStatus(status: readonly Buffer[]): { pid: number | null; exitCode: number | null } {
  const text = Buffer.concat(status).toString('utf8');
  const read = (name: string): number | null => {
    const found = new RegExp(`"${name}": *(\\d+)`).exec(text)?.[1];
    return found === undefined ? null : Number(found);
  };
  return { pid: read('child-pid'), exitCode: read('exit-code') };
}

/** Waits until the first process of a killed sandbox is gone; the kernel ends it only after all others of its namespace. */
async function gone(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    // A zombie (Z) holds nothing any more; whoever adopted it may be slow to collect it.
    if (stat === null || /\) [ZX] /.test(stat)) return;
    await sleep(5);
  }
  throw new SandboxError(
    'sandbox-setup-failed',
    `process ${pid} of a killed sandbox is still there after 2 s`,
  );
}

function signalName(number: number): string | null {
  return Object.entries(osConstants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
