/**
 * Runs one command in a container of podman: the image's own programs, with what holds a sandbox of bubblewrap around it. The
 * environment goes in by a descriptor, because podman keeps what stands on its command line on the disk.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountFiles } from '../arguments.ts';
import { checkOptions } from '../check-options.ts';
import { SandboxError } from '../errors.ts';
import { requireProgram, runsAsRoot, unprivilegedAccount } from '../host.ts';
import { handOver } from '../launcher.ts';
import { watchMemory } from '../limits/watchdog.ts';
import type { SandboxOptions, SandboxResult } from '../options.ts';
import { signalName } from '../signal-name.ts';
import { runUnisolated } from '../unisolated.ts';
import { askPodman, removeContainer, seccompFile, type Podman } from './store.ts';

export type ContainerOptions = Omit<
  SandboxOptions,
  'root' | 'files' | 'inheritFds' | 'cancelled' | 'graceSeconds'
> & {
  /** As podman finds it on this machine. It needs /bin/sh and cat. */
  readonly image: string;
};

/** Inside, where the account of root begins at the account that owns nothing. */
const account = 1000;
const entry = 'eval "$(cat)"; exec </dev/null; cd "$1" || exit 126; shift; exec "$@"';

const words = [
  ...['container', 'seccomp', 'no-network', 'no-capabilities', 'no-new-privileges'],
  ...['own-user-namespace', 'own-processes', 'read-only-root', 'wall-clock'],
  ...['core-size', 'file-size', 'open-files', 'processes'],
];

/**
 * Resolves when the container is gone, whatever the outcome. It is killed at the end of its time, when `signal` is aborted and
 * when this process dies.
 *
 * @throws SandboxError `sandbox-unavailable`, `sandbox-options-refused`, or `sandbox-setup-failed` when the command never
 *   started. What `onOutput` throws ends the container and is thrown on.
 */
export async function runContained(
  podman: Podman,
  options: ContainerOptions,
): Promise<SandboxResult> {
  checkOptions(options);
  handOver(options.binds);
  const { limits, onOutput, signal } = options;
  const name = `airlock-${randomUUID()}`;
  const files = {
    pid: join(podman.directory, `${name}.pid`),
    hosts: join(podman.directory, `${name}.hosts`),
  };
  const hosts = accountFiles(options).find(({ target }) => target === '/etc/hosts');
  writeFileSync(files.hosts, hosts?.content ?? '', { mode: 0o644 });
  const exports = Object.entries(options.env)
    .map(([key, value]) => `export ${key}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
  const started = performance.now();
  type Reason = 'timed-out' | 'cancelled' | 'memory';
  const ending: { reason: Reason | null; over: boolean } = { reason: null, over: false };
  const isOver = (): boolean => ending.over;
  const kill = async (reason: Reason): Promise<void> => {
    if (isOver()) return;
    ending.reason ??= reason;
    // Podman may still be making it.
    while (!isOver()) {
      const { code } = await askPodman(podman, ['kill', '--signal', 'KILL', name]);
      if (code === 0) return;
      await sleep(50);
    }
  };
  const onAbort = (): void => void kill('cancelled');
  const timer = setTimeout(() => void kill('timed-out'), limits.wallSeconds * 1000);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  const stopWatching = watchContainer(podman, files.pid, limits.memoryBytes, () => {
    void kill('memory');
  });
  const keeper = removeAfterDeath(podman, name);
  let errorTail = '';
  try {
    const ran = await runUnisolated({
      command: [
        ...[requireProgram('setpriv', 'util-linux'), '--pdeathsig=KILL', '--', podman.program],
        ...runArguments(podman, options, { name, ...files }),
      ],
      env: podman.env,
      workingDirectory: '/',
      // Its own end is a kill of the container, which this is behind.
      wallSeconds: limits.wallSeconds + 60,
      inheritFds: [{ fd: 0, source: Buffer.from(exports) }],
      onOutput: async (stream, chunk) => {
        if (stream === 'stderr') errorTail = (errorTail + chunk.toString('utf8')).slice(-2000);
        await onOutput(stream, chunk);
      },
    });
    ending.over = true;
    const state = await stateOf(podman, name);
    const exceeded = ending.reason === 'memory' || state.outOfMemory ? (['memory'] as const) : [];
    const memory =
      limits.memoryBytes === undefined
        ? []
        : [
            `memory:${podman.memory}`,
            ...(podman.memory === 'watchdog' ? [] : [`processes:${podman.memory}`]),
          ];
    const told = {
      durationMs: Math.round(performance.now() - started),
      exceeded,
      enforced: [...words, ...(runsAsRoot() ? ['unprivileged-account'] : []), ...memory],
    };
    if (ending.reason === 'timed-out' || ending.reason === 'cancelled') {
      return { outcome: ending.reason, exitCode: null, signal: null, ...told };
    }
    if (ending.reason === 'memory') {
      return { outcome: 'signalled', exitCode: 128 + 9, signal: 'SIGKILL', ...told };
    }
    if (state.exitCode === null) {
      throw new SandboxError(
        'sandbox-setup-failed',
        `the container could not be started: ${errorTail.trim() || `podman ended with ${ran.exitCode ?? ran.signal ?? 'nothing'}`}`,
      );
    }
    const by = signalName(state.exitCode - 128);
    const outcome = by === null ? ('exited' as const) : ('signalled' as const);
    return { outcome, exitCode: state.exitCode, signal: by, ...told };
  } finally {
    ending.over = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    stopWatching();
    try {
      await removeContainer(podman, name);
    } finally {
      keeper.kill('SIGKILL');
      for (const file of Object.values(files)) rmSync(file, { force: true });
    }
  }
}

function runArguments(
  podman: Podman,
  options: ContainerOptions,
  own: { readonly name: string; readonly pid: string; readonly hosts: string },
): string[] {
  const { limits, network, binds } = options;
  const { uid, gid } = unprivilegedAccount;
  const memory = limits.memoryBytes;
  return [
    ...['run', '--name', own.name, '--label', podman.label, '--pidfile', own.pid],
    // Output goes straight to this process: no copy on the disk, and a slow reader slows the writer.
    ...['--interactive', '--log-driver=passthrough', '--pull=never', '--no-healthcheck'],
    ...['--read-only', '--read-only-tmpfs=false', '--image-volume=ignore', '--cap-drop=all'],
    ...['--security-opt=no-new-privileges'],
    ...[`--security-opt=seccomp=${join(podman.directory, seccompFile)}`],
    ...['--cgroupns=private', '--ipc=private', '--uts=private', '--pid=private'],
    ...[`--network=${network === undefined ? 'none' : `ns:/proc/${network.holder}/ns/net`}`],
    ...(runsAsRoot()
      ? [
          ...[
            `--uidmap=0:${uid - account}:${account + 1}`,
            `--gidmap=0:${gid - account}:${account + 1}`,
          ],
          ...[`--user=${account}:${account}`],
        ]
      : ['--userns=keep-id']),
    ...(memory === undefined || podman.memory === 'watchdog'
      ? []
      : [
          ...[`--memory=${memory}`, `--memory-swap=${memory}`, `--pids-limit=${limits.processes}`],
          ...(podman.memory === 'cgroup-v1' ? ['--oom-kill-disable'] : []),
          ...(limits.cpus === undefined ? [] : [`--cpus=${limits.cpus}`]),
        ]),
    ...['--ulimit=core=0:0', `--ulimit=fsize=${limits.fileBytes}:${limits.fileBytes}`],
    ...[`--ulimit=nofile=${limits.openFiles}:${limits.openFiles}`],
    ...[`--ulimit=nproc=${limits.processes}:${limits.processes}`],
    ...['--tmpfs=/tmp:rw,nosuid,nodev,size=64m,mode=1777,notmpcopyup', '--shm-size=8m'],
    ...['--no-hosts', `--hostname=${options.hostname}`, `--volume=${own.hosts}:/etc/hosts:ro`],
    ...binds.map(({ source, target, writable }) => {
      if (`${source}${target}`.includes(':')) {
        throw new SandboxError(
          'sandbox-options-refused',
          `${source}: a path with a colon cannot be shown in a container; rename it`,
        );
      }
      return `--volume=${source}:${target}:${writable === true ? 'rw' : 'ro'},nosuid,nodev,rprivate`;
    }),
    ...['--entrypoint', JSON.stringify(['/bin/sh', '-c', entry, 'sh'])],
    ...[options.image, options.workingDirectory, ...options.command],
  ];
}

/** How the container ended; `exitCode` null: its command never started. */
async function stateOf(
  podman: Podman,
  name: string,
): Promise<{ exitCode: number | null; outOfMemory: boolean }> {
  const { stdout } = await askPodman(podman, [
    ...['inspect', '--type', 'container', '--format'],
    ...['{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}', name],
  ]);
  const [status, code, outOfMemory] = stdout.trim().split(' ');
  const ended = status === 'exited' || status === 'stopped';
  return { exitCode: ended ? Number(code) : null, outOfMemory: outOfMemory === 'true' };
}

/** A container is not a child of this process and would outlive it: whoever holds the other end of a pipe sees it close. */
function removeAfterDeath(podman: Podman, name: string): ChildProcess {
  const script = 'cat >/dev/null; sleep 1; exec "$@"';
  const child = spawn(
    '/bin/sh',
    ['-c', script, 'sh', podman.program, 'rm', '-f', '-i', '-t', '0', name],
    { env: podman.env, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'], detached: true },
  );
  child.on('error', () => {});
  child.unref();
  return child;
}

/** Where the kernel does not tell podman that a container wants more memory than it has, a look at it several times a second. */
function watchContainer(
  podman: Podman,
  pidFile: string,
  memoryBytes: number | undefined,
  exceeded: () => void,
): () => void {
  if (podman.memory === 'cgroup-v2' || memoryBytes === undefined) return () => {};
  let stop: () => void = () => {};
  const wait = setInterval(() => {
    const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    if (!(pid > 0)) return;
    clearInterval(wait);
    stop =
      podman.memory === 'watchdog'
        ? watchMemory(pid, memoryBytes, exceeded)
        : watchGroup(pid, exceeded);
  }, 50);
  return () => {
    clearInterval(wait);
    stop();
  };
}

/** Podman hears nothing of a kill by the kernel in version 1, so that the kernel is told to hold the container instead. */
function watchGroup(pid: number, exceeded: () => void): () => void {
  const timer = setInterval(() => {
    try {
      const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
      const path = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
      const file = `/sys/fs/cgroup/memory${path ?? ''}/memory.oom_control`;
      if (!/^under_oom 1$/m.test(readFileSync(file, 'utf8'))) return;
      clearInterval(timer);
      exceeded();
    } catch (error) {
      // Ended between two reads.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }, 100);
  return () => {
    clearInterval(timer);
  };
}
