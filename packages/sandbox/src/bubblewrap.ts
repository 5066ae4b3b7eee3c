/**
 * Runs one command in a sandbox of its own: no network, no other process, no file of the host but its programs and what the
 * caller binds, no environment but what the caller gives, no capability, a system call filter.
 *
 * bwrap is started with an empty environment and takes its arguments from a descriptor, because it stays pid 1 inside the
 * sandbox and the command may read /proc/1/environ and /proc/1/cmdline (containers/bubblewrap#725).
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import type { Duplex, Writable } from 'node:stream';
import { askToEnd } from './ask-to-end.ts';
import { accountFiles, bubblewrapArguments, type DataFile } from './arguments.ts';
import type { SandboxLimits, SandboxOptions, SandboxResult } from './options.ts';
import { createDescriptors, prepareDescriptors, type Descriptors } from './descriptors.ts';
import { launcher } from './launcher.ts';
import { checkOptions } from './check-options.ts';
import { inMemory } from './memory.ts';
import { SandboxError } from './errors.ts';
import { rootFileSystemArguments, strayDescriptors } from './host.ts';
import { directoryRootArguments, rootHasFile } from './root.ts';
import { groupMaker, openGroup } from './limits/control-group.ts';
import type { Exceeded } from './limits/group.ts';
import { watchMemory } from './limits/watchdog.ts';
import { seccompProgram } from './seccomp.ts';
import { signalName } from './signal-name.ts';

export type * from './options.ts';

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
  checkOptions(options);
  const { limits, graceSeconds = 10 } = options;
  const rootDirectory =
    options.root === undefined || options.root === 'host' ? null : options.root.directory;
  const launch = launcher(
    rootDirectory === null
      ? options.binds
      : [...options.binds, { source: rootDirectory, target: '/' }],
    { limits, network: options.network },
  );
  const binds = launch.binds.slice(0, options.binds.length);
  const staged = launch.binds[options.binds.length]?.source;
  const root =
    rootDirectory === null || staged === undefined
      ? rootFileSystemArguments()
      : directoryRootArguments(rootDirectory, staged);
  const filter = seccompProgram(process.arch);
  const made = await createDescriptors(
    (options.inheritFds ?? []).flatMap(({ source }) => (Buffer.isBuffer(source) ? [source] : [])),
  );
  const maker = limits.memoryBytes === undefined ? null : await groupMaker();
  const started = performance.now();
  const group =
    maker === null || limits.memoryBytes === undefined
      ? null
      : openGroup(maker, { ...limits, memoryBytes: limits.memoryBytes });
  const layout = layOutDescriptors(options, { made, rootDirectory, input: launch.input });
  const line = [
    ...(group?.prefix ?? []),
    ...launch.prefix,
    ...[launch.bwrap, '--args', String(layout.args), '--'],
    ...['/bin/sh', '-c', gateScript(layout.gate, limits), 'sh'],
    ...options.command,
  ];
  const child = spawn(
    line[0] ?? launch.bwrap,
    line.slice(1),
    // Detached: an interrupt typed at a terminal reaches this process, which decides, and not the sandbox.
    { env: {}, stdio: layout.stdio, detached: true, cwd: '/' },
  );
  for (const fd of layout.toClose) closeSync(fd);

  const exited = new Promise<Error | null>((resolve) => {
    child.once('exit', () => {
      resolve(null);
    });
    child.once('error', resolve);
  });
  const gate = streamOf(child, layout.gate);
  // The sandbox's end closing early is told by the exit status.
  gate.on('error', () => {});
  const ready = new Promise<void>((resolve) => {
    gate.once('data', resolve);
  });
  type Reason = 'timed-out' | 'cancelled' | 'memory';
  const ending: { asked: boolean; reason: Reason | null } = { asked: false, reason: null };
  const kill = (reason: Reason): void => {
    ending.asked = true;
    // A bwrap killed half way through leaves its child waiting for it for ever.
    void Promise.race([ready, exited, sleep(2000, undefined, { ref: false })]).then(() => {
      // False once it exited by itself: what was done in time stays done.
      if (child.kill('SIGKILL')) ending.reason ??= reason;
    });
  };
  const timer = setTimeout(kill, limits.wallSeconds * 1000, 'timed-out');
  const stopWatching =
    group !== null || limits.memoryBytes === undefined || child.pid === undefined
      ? () => {}
      : watchMemory(child.pid, limits.memoryBytes, () => {
          kill('memory');
        });
  const onAbort = (): void => {
    kill('cancelled');
  };
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted === true) onAbort();
  let grace: NodeJS.Timeout | undefined;
  const onCancelled = (): void => {
    const { pid } = statusIn(readStatus(made.status.reader));
    // What was not started yet has nothing to tidy up.
    if (child.exitCode !== null || ending.asked) return;
    if (pid === null || askToEnd(pid) === 0) {
      kill('cancelled');
      return;
    }
    // Whatever it says when it ends: it did not come to its own end.
    ending.asked = true;
    ending.reason ??= 'cancelled';
    grace = setTimeout(kill, graceSeconds * 1000, 'cancelled');
  };
  options.cancelled?.addEventListener('abort', onCancelled);
  if (options.cancelled?.aborted === true) onCancelled();
  void ready.then(() => {
    if (!ending.asked) feed(gate, Buffer.from('go\n'));
  });
  void exited.then(() => gate.destroy());

  let status: Status;
  let exceeded: Exceeded[];
  let errorTail = '';
  const relay = async (stream: 'stdout' | 'stderr'): Promise<void> => {
    // A socket without an encoding yields buffers.
    const chunks: AsyncIterable<Buffer> = new Socket({ fd: made[stream].reader, writable: false });
    for await (const chunk of chunks) {
      if (stream === 'stderr') errorTail = (errorTail + chunk.toString('utf8')).slice(-2000);
      try {
        await options.onOutput(stream, chunk);
      } catch (error) {
        kill('cancelled');
        throw error;
      }
    }
  };
  try {
    const args = bubblewrapArguments(options, root, binds, layout.files, layout);
    feed(streamOf(child, layout.args), Buffer.from(args.map((arg) => `${arg}\0`).join('')));
    feed(streamOf(child, layout.seccomp), filter);
    for (const { descriptor, content } of layout.files) feed(streamOf(child, descriptor), content);
    const [spawnError] = await Promise.all([exited, relay('stdout'), relay('stderr')]);
    if (spawnError !== null) throw spawnError;
  } finally {
    await exited;
    clearTimeout(timer);
    clearTimeout(grace);
    stopWatching();
    options.signal?.removeEventListener('abort', onAbort);
    options.cancelled?.removeEventListener('abort', onCancelled);
    status = statusIn(readStatus(made.status.reader));
    closeSync(made.status.reader);
    if (status.pid !== null) await gone(status.pid);
    exceeded = ending.reason === 'memory' ? ['memory'] : (group?.exceeded() ?? []);
    await group?.remove();
    prepareDescriptors();
  }

  const { exitCode } = status;
  const durationMs = Math.round(performance.now() - started);
  const enforced = [
    ...namespaceWords,
    ...launch.enforced,
    ...['core-size', 'file-size', 'open-files', 'processes'],
    ...(group?.words ?? (limits.memoryBytes === undefined ? [] : ['memory:watchdog'])),
  ];
  const told = { durationMs, exceeded, enforced };
  if (ending.reason === 'timed-out' || ending.reason === 'cancelled') {
    return { outcome: ending.reason, exitCode: null, signal: null, ...told };
  }
  // The kernel may choose bwrap itself, which is in the group, too.
  if (ending.reason === 'memory' || (exitCode === null && exceeded.includes('memory'))) {
    return { outcome: 'signalled', exitCode: 128 + 9, signal: 'SIGKILL', ...told };
  }
  if (exitCode === null) {
    throw new SandboxError(
      'sandbox-setup-failed',
      `the sandbox could not be set up: ${errorTail.trim() || `${launch.bwrap} ended without a word`}`,
    );
  }
  const signal = signalName(exitCode - 128);
  return {
    outcome: signal === null ? 'exited' : 'signalled',
    exitCode,
    signal,
    ...told,
  };
}

type Layout = {
  stdio: ('ignore' | 'pipe' | number)[];
  args: number;
  seccomp: number;
  status: number;
  /** One digit: a POSIX shell knows no others. */
  gate: number;
  files: (DataFile & { descriptor: number })[];
  /** This process's own copies, of no use to it once the child has them. */
  toClose: number[];
};

const statusDescriptor = 3;
/** It writes two lines of some dozen characters. */
const statusBytes = 4096;

/** Decides what every descriptor of the child is; what is not decided here is closed. */
function layOutDescriptors(
  options: SandboxOptions,
  from: { made: Descriptors; rootDirectory: string | null; input: Buffer | null },
): Layout {
  const { made, rootDirectory } = from;
  const { stdout, stderr, status, inputs } = made;
  const given = new Map<number, 'pipe' | number>([
    [1, stdout.writer],
    [2, stderr.writer],
    [statusDescriptor, status.writer],
  ]);
  const own = from.input === null ? [] : [inMemory(from.input)];
  for (const fd of own) given.set(0, fd);
  const devNull = openSync('/dev/null', 'r');
  // Nothing can close a stray descriptor in the child, but something harmless can be laid over it.
  for (const fd of strayDescriptors()) given.set(fd, devNull);
  let input = 0;
  for (const { fd, source } of options.inheritFds ?? []) {
    const open = Buffer.isBuffer(source) ? inputs[input++] : source;
    if (open !== undefined) given.set(fd, open);
  }
  let next = 3;
  const allot = (): number => {
    while (given.has(next)) next += 1;
    given.set(next, 'pipe');
    return next;
  };
  const [args, seccomp, gate] = [allot(), allot(), allot()];
  const accounts = accountFiles(options).filter(
    ({ target }) => rootDirectory === null || rootHasFile(rootDirectory, target),
  );
  const files = [...accounts, ...options.files].map((file) => ({
    ...file,
    descriptor: allot(),
  }));
  // Above 2, `ignore` means closed.
  const stdio = Array.from(
    { length: Math.max(...given.keys()) + 1 },
    (_, fd) => given.get(fd) ?? 'ignore',
  );
  const toClose = [stdout.writer, stderr.writer, status.writer, devNull, ...own, ...inputs];
  return { stdio, args, seccomp, status: statusDescriptor, gate, files, toClose };
}

/**
 * Holds the command back until this process says go, which it does once the sandbox has said that it is ready: by then bwrap
 * and its child are bound to die with this process. Were this process killed before, nothing would end the sandbox; so the
 * gate finds the other end closed, and ends by itself.
 *
 * Processes are limited in here, where the kernel counts the sandbox's own and not all of the account's. Of the shells bash
 * says -u, dash and busybox say -p; where neither works the command does not start.
 */
function gateScript(gate: number, { processes }: SandboxLimits): string {
  return `echo ready >&${gate} && read -r go <&${gate} && { ulimit -u ${processes} 2>/dev/null || ulimit -p ${processes}; } && exec "$@" ${gate}<&-`;
}

function streamOf(child: ChildProcess, fd: number): Duplex {
  // Node gives a duplex socket for every `pipe` above 2; its type says Readable or Writable.
  return child.stdio[fd] as Duplex;
}

function feed(stream: Writable, bytes: Buffer): void {
  // A reader that ends early is told by the exit status, not here.
  stream.on('error', () => {});
  stream.end(bytes);
}

type Status = { pid: number | null; exitCode: number | null };

function readStatus(file: number): string {
  const bytes = Buffer.alloc(statusBytes);
  // By position, so that it can be read again.
  return bytes.toString('latin1', 0, readSync(file, bytes, 0, statusBytes, 0));
}

/** What bwrap reports as JSON lines: the pid of the sandbox's first process, and the exit code once it started. */
function statusIn(text: string): Status {
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
