/**
 * Runs one command under an account of its own, for machines where bubblewrap cannot be had: an account that owns nothing but
 * the workspace, without privileges, in mount, process, network, IPC and name spaces of its own. It has no filter of system
 * calls, and it sees the machine's files as any account does.
 */
import { chownSync, existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxError } from './errors.ts';
import { requireProgram, runsAsRoot } from './host.ts';
import { groupMaker, openGroup } from './limits/control-group.ts';
import type { SandboxLimits, SandboxOptions, SandboxResult } from './options.ts';
import { signalName } from './signal-name.ts';
import { runUnisolated } from './unisolated.ts';

export type AccountRange = { readonly first: number; readonly count: number };

export type AccountOptions = Pick<SandboxOptions, 'command' | 'env' | 'onOutput' | 'signal'> & {
  readonly accounts: AccountRange;
  /** Directory of this machine that the command finds at {@link accountWorkspace}, and may write to unless told otherwise. */
  readonly workspace: string;
  readonly writable: boolean;
  /** Under the workspace. */
  readonly directory: string;
  /** A file of this machine that the command finds at {@link accountInput}. */
  readonly input?: string | undefined;
  /** A directory of this machine, such as Node's, that the command finds at {@link accountTools} and may not write to. */
  readonly tools?: string | undefined;
  readonly limits: SandboxLimits;
};

export const accountWorkspace = '/mnt/build';
export const accountInput = '/mnt/input';
export const accountTools = '/mnt/tools';

// As root, in name spaces of its own: what the account shall see of the job, and memory in place of what all accounts share.
// It stays, because a process that changes its account is not bound any more to die with whoever started it.
const script = `
PATH=/usr/sbin:/usr/bin:/sbin:/bin
workspace=$1 mode=$2 input=$3 tools=$4; shift 4
mount -t tmpfs -o mode=0755,size=64k,nosuid,nodev tmpfs /mnt
mkdir /mnt/build
mount --bind "$workspace" /mnt/build
mount -o "remount,bind,$mode,nosuid,nodev" /mnt/build
if [ -n "$input" ]; then touch /mnt/input; mount --bind "$input" /mnt/input; mount -o remount,bind,ro,nosuid,nodev /mnt/input; fi
if [ -n "$tools" ]; then mkdir /mnt/tools; mount --bind "$tools" /mnt/tools; mount -o remount,bind,ro,nosuid,nodev /mnt/tools; fi
for shared in /tmp /var/tmp /dev/shm; do
  if [ -d "$shared" ]; then mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev tmpfs "$shared"; fi
done
if command -v ip >/dev/null; then ip link set lo up; fi
cd /mnt/build
"$@" || exit $?
exit 0
`;

/**
 * Resolves when no process of the account is left.
 *
 * @throws SandboxError `sandbox-unavailable` when this process is not root or a program is missing.
 */
export async function runAsAccount(options: AccountOptions): Promise<SandboxResult> {
  if (!runsAsRoot()) {
    throw new SandboxError(
      'sandbox-unavailable',
      'only root can give a build an account of its own; start the runner as root, or use isolation: bubblewrap',
    );
  }
  const { limits, workspace, input } = options;
  const uid = accountOf(workspace, options.accounts);
  const maker = limits.memoryBytes === undefined ? null : await groupMaker();
  const group =
    maker === null || limits.memoryBytes === undefined
      ? null
      : openGroup(maker, { ...limits, memoryBytes: limits.memoryBytes });
  const setpriv = requireProgram('setpriv', 'util-linux');
  // Root's own programs start with nothing of what a build says: its environment is read by its own account, from a descriptor.
  const exports = Object.entries(options.env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
  try {
    const result = await runUnisolated({
      ...options,
      env: {},
      workingDirectory: '/',
      wallSeconds: limits.wallSeconds,
      inheritFds: [{ fd: 9, source: Buffer.from(exports) }],
      command: [
        ...(group?.prefix ?? []),
        ...[setpriv, '--pdeathsig=KILL', requireProgram('unshare', 'util-linux')],
        ...['--mount', '--propagation=private', '--pid', '--fork', '--kill-child=KILL'],
        ...['--mount-proc', '--ipc', '--net', '--uts', '--cgroup', '--'],
        ...['/bin/sh', '-ec', script, 'sh', workspace, options.writable ? 'rw' : 'ro'],
        ...[input ?? '', options.tools ?? ''],
        ...[setpriv, `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs'],
        ...['--inh-caps=-all', '--bounding-set=-all', requireProgram('prlimit', 'util-linux')],
        ...['--core=0', `--fsize=${limits.fileBytes}`, `--nofile=${limits.openFiles}`],
        ...[`--nproc=${limits.processes}`, '--', '/bin/sh', '-c'],
        ...['eval "$(cat <&9)"; exec 9<&-; cd "$1" || exit 1; shift; exec "$@"', 'sh'],
        ...[join(accountWorkspace, options.directory), ...options.command],
      ],
    });
    await noneLeft(uid);
    const exceeded = group?.exceeded() ?? [];
    const enforced = [
      ...['own-account', 'no-network', 'no-capabilities', 'no-new-privileges', 'own-processes'],
      ...[
        'core-size',
        'file-size',
        'open-files',
        'processes',
        'wall-clock',
        ...(group?.words ?? []),
      ],
    ];
    const signal = signalName((result.exitCode ?? 0) - 128);
    return result.outcome === 'exited' && signal !== null
      ? { ...result, outcome: 'signalled', signal, exceeded, enforced }
      : { ...result, exceeded, enforced };
  } finally {
    await group?.remove();
  }
}

/** The account that has this workspace, given now if none has: one of the range that no other job's workspace beside it has. */
function accountOf(workspace: string, { first, count }: AccountRange): number {
  const isOurs = (uid: number): boolean => uid >= first && uid < first + count;
  const own = lstatSync(workspace).uid;
  if (isOurs(own)) return own;
  const jobs = dirname(dirname(workspace));
  const taken = new Set(
    readdirSync(jobs).flatMap((name) => {
      const facts = lstatSync(join(jobs, name, 'build'), { throwIfNoEntry: false });
      return facts === undefined ? [] : [facts.uid];
    }),
  );
  for (let uid = first; uid < first + count; uid += 1) {
    if (taken.has(uid) || processesOf(uid).length > 0) continue;
    chownSync(workspace, uid, uid);
    return uid;
  }
  throw new SandboxError(
    'sandbox-unavailable',
    `all ${count} accounts from ${first} are in use; raise accounts.count`,
  );
}

async function noneLeft(uid: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (processesOf(uid).length === 0) return;
    await sleep(5);
  }
  throw new SandboxError(
    'sandbox-setup-failed',
    `account ${uid} of a build that ended still has processes after 2 s`,
  );
}

function processesOf(uid: number): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}`)) return false;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      return new RegExp(`^Uid:\\s+${uid}\\s`, 'm').test(status) && !/^State:\s+[ZX]/m.test(status);
    } catch {
      // Ended between the listing and the reading.
      return false;
    }
  });
}
