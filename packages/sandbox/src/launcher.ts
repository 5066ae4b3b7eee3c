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
// permissions of the directories above it (a checkout below /root, for one), and only then gives its rights away. All of
// them by one mount, from a table: a program for each would take as long as the sandbox itself.
const rootScript = `
PATH=/usr/sbin:/usr/bin:/sbin:/bin
at=$1 table=$2 directories=$3 files=$4; shift 4
mount -t tmpfs -o mode=0755,size=256k tmpfs "$at"
cd "$at"
[ -z "$directories" ] || mkdir $directories
for file in $files; do : > "$file"; done
printf %s "$table" > table
mount -a -T table
cd /
exec env -i "$@"
`;

/** As fstab(5) writes a field. */
const field = (text: string): string =>
  text.replaceAll(
    /[\\ \t\n\r#]/g,
    (sign) => `\\${sign.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );

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
  const kinds = handOver(binds);
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
  const table = binds
    .map(({ source }, index) => `${field(source)} ${at}/${index} none bind 0 0\n`)
    .join('');
  const places = (kind: 'directory' | 'file'): string =>
    kinds.flatMap((each, index) => (each === kind ? [index] : [])).join(' ');
  return {
    prefix: [
      requireProgram('unshare', 'util-linux'),
      ...['--mount', '--propagation', 'private', '--', '/bin/sh', '-ec', rootScript, 'sh'],
      ...[at, table, places('directory'), places('file')],
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
 * @returns what each of them is.
 * @throws SandboxError `sandbox-options-refused`
 */
export function handOver(binds: readonly SandboxBind[]): ('directory' | 'file')[] {
  const states = binds.map((bind) => ({ bind, stats: sourceStats(bind) }));
  const kinds = states.map(({ stats }) => (stats.isDirectory() ? 'directory' : 'file'));
  if (!runsAsRoot()) return kinds;
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
  return kinds;
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
