import { chownSync, existsSync, lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { SandboxError } from './errors.ts';
import { requireProgram, runsAsRoot, unprivilegedAccount } from './host.ts';
import type { SandboxBind, SandboxNetwork } from './options.ts';

export type Launcher = {
  /** Program and arguments that end in starting what follows them; empty where nothing has to come before. */
  prefix: string[];
  bwrap: string;
  /** Sources as bwrap shall open them. */
  binds: SandboxBind[];
  enforced: string[];
};

// Root binds every source into a mount namespace of its own first, where the unprivileged account reaches it whatever the
// permissions of the directories above it (a checkout below /root, for one), and only then gives its rights away.
const rootScript = `
PATH=/usr/sbin:/usr/bin:/sbin:/bin
at=$1; shift
mount -t tmpfs -o mode=0755,size=64k tmpfs "$at"
index=0
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "$at/$index"; else touch "$at/$index"; fi
  mount --bind "$1" "$at/$index"
  index=$((index + 1))
  shift
done
shift
exec env -i "$@"
`;

/**
 * How bwrap is started here: plainly by an ordinary user, and by root through an account that owns nothing.
 *
 * @param network that it is started in; left out: this machine's, which bwrap then leaves.
 *
 * @throws SandboxError `sandbox-unavailable`, `sandbox-options-refused`
 */
export function launcher(binds: readonly SandboxBind[], network?: SandboxNetwork): Launcher {
  const bwrap = requireProgram('bwrap', 'bubblewrap');
  const enter =
    network === undefined ? [] : enterArguments(requireProgram('nsenter', 'util-linux'), network);
  handOver(binds);
  if (!runsAsRoot()) return { prefix: enter, bwrap, binds: [...binds], enforced: [] };

  const { uid, gid } = unprivilegedAccount;
  const at = ['/mnt', '/media', '/srv', '/opt', '/home'].find(
    (path) => existsSync(path) && !binds.some(({ source }) => `${source}/`.startsWith(`${path}/`)),
  );
  if (at === undefined) {
    throw new SandboxError(
      'sandbox-unavailable',
      'none of /mnt, /media, /srv, /opt is free; create /mnt',
    );
  }
  return {
    prefix: [
      requireProgram('unshare', 'util-linux'),
      ...['--mount', '--propagation', 'private', '--', '/bin/sh', '-ec', rootScript, 'sh', at],
      ...binds.map(({ source }) => source),
      '--',
      requireProgram('setpriv', 'util-linux'),
      ...[`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'],
      ...['--inh-caps=-all', '--bounding-set=-all'],
      ...enter,
    ],
    bwrap,
    binds: binds.map((bind, index) => ({ ...bind, source: `${at}/${index}` })),
    enforced: ['unprivileged-account'],
  };
}

/**
 * Makes sure that the account of the sandbox can use what it is given: as root, what root owns and it shall write to becomes
 * that account's.
 *
 * @throws SandboxError `sandbox-options-refused`
 */
export function handOver(binds: readonly SandboxBind[]): void {
  const states = binds.map((bind) => ({ bind, stats: sourceStats(bind) }));
  if (!runsAsRoot()) return;
  const { uid, gid } = unprivilegedAccount;
  for (const { bind, stats } of states) {
    if (bind.writable === true) {
      if (stats.uid === 0) chownSync(bind.source, uid, gid);
    } else if (stats.uid !== uid && (stats.mode & (stats.isDirectory() ? 0o005 : 0o004)) === 0) {
      throw new SandboxError(
        'sandbox-options-refused',
        `${bind.source} cannot be read by the sandbox's account (uid ${uid}); run: chmod o+rX ${bind.source}`,
      );
    }
  }
}

/** Whoever enters has no rights in it that it had not outside. */
function enterArguments(nsenter: string, { holder }: SandboxNetwork): string[] {
  const of = (kind: string): string => `--${kind}=/proc/${holder}/ns/${kind}`;
  return [nsenter, of('user'), of('net'), '--preserve-credentials', '--'];
}

function sourceStats({ source }: SandboxBind): Stats {
  const refuse = (message: string): never => {
    throw new SandboxError('sandbox-options-refused', message);
  };
  if (!source.startsWith('/')) refuse(`${source} is not an absolute path`);
  const stats = lstatSync(source, { throwIfNoEntry: false });
  if (stats === undefined) return refuse(`${source} does not exist`);
  // Whoever can swap a link chooses what the sandbox sees.
  if (stats.isSymbolicLink()) refuse(`${source} is a symbolic link; give the path it leads to`);
  return stats;
}
