import { chownSync, lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { SandboxError } from './errors.ts';
import { requireProgram, runsAsRoot, unprivilegedAccount } from './host.ts';
import type { SandboxBind, SandboxLimits, SandboxNetwork } from './options.ts';
import { placeFor } from './stage.ts';

type FileLimits = Pick<SandboxLimits, 'fileBytes' | 'openFiles'>;

export type Launcher = {
  /** Program and arguments that end in starting what follows them; empty where nothing has to come before. */
  prefix: string[];
  bwrap: string;
  /** Sources as bwrap shall open them. */
  binds: SandboxBind[];
  /** For its standard input, which is empty by the time bwrap is started; null: bwrap has the one that is given. */
  input: Buffer | null;
  enforced: string[];
};

// Root binds every source into a mount namespace of its own first, where the unprivileged account reaches it whatever the
// permissions of the directories above it (a checkout below /root, for one), and only then gives its rights away. All of
// them by one mount, from a table: each program that is started takes a tenth of the time of the whole sandbox.
const mountScript = 'mount=$1; shift; "$mount" -a -T /dev/stdin; exec < /dev/null';

// Shells export where they are, and bash whom it starts; bwrap is pid 1 of the sandbox, in which its environment can be read.
const startScript = 'unset PWD OLDPWD; [ -z "${BASH_VERSION-}" ] || exec -c "$@"; exec "$@"';

/** A POSIX shell counts the size of files in blocks of 512 bytes. */
const limitScript = ({ fileBytes, openFiles }: FileLimits): string =>
  `ulimit -c 0; ulimit -f ${Math.ceil(fileBytes / 512)}; ulimit -n ${openFiles}`;

/** As fstab(5) writes a field. */
const field = (text: string): string =>
  text.replaceAll(
    /[\\ \t\n\r#]/g,
    (sign) => `\\${sign.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );

/**
 * How bwrap is started here: plainly by an ordinary user, and by root through an account that owns nothing.
 *
 * @param limits of single processes, which everything from there on has; left out: this process's own.
 * @param network that it is started in; left out: this machine's, which bwrap then leaves.
 *
 * @throws SandboxError `sandbox-unavailable`, `sandbox-options-refused`
 */
export function launcher(
  binds: readonly SandboxBind[],
  { limits, network }: { limits?: FileLimits; network?: SandboxNetwork | undefined } = {},
): Launcher {
  const bwrap = requireProgram('bwrap', 'bubblewrap');
  const enter =
    network === undefined ? [] : enterArguments(requireProgram('nsenter', 'util-linux'), network);
  const kinds = handOver(binds);
  const limiting = limits === undefined ? [] : [limitScript(limits)];
  if (!runsAsRoot()) {
    return {
      prefix: [...shell(limiting), ...enter],
      ...{ bwrap, binds: [...binds], input: null, enforced: [] },
    };
  }
  const { uid, gid } = unprivilegedAccount;
  const places = kinds.map(placeFor);
  const isMounting = places.length > 0;
  return {
    prefix: [
      ...(isMounting
        ? [requireProgram('unshare', 'util-linux'), '--mount', '--propagation', 'private', '--']
        : []),
      ...shell([...(isMounting ? [mountScript] : []), ...limiting]),
      ...(isMounting ? [requireProgram('mount', 'mount')] : []),
      ...[requireProgram('setpriv', 'util-linux'), `--reuid=${uid}`, `--regid=${gid}`],
      ...['--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'],
      ...enter,
    ],
    bwrap,
    binds: binds.map((bind, index) => ({ ...bind, source: places[index] ?? bind.source })),
    input: isMounting ? tableOf(binds, places) : null,
    enforced: ['unprivileged-account'],
  };
}

/** Does these and then starts what follows, with an empty environment; nothing where there is nothing to do. */
const shell = (scripts: readonly string[]): string[] =>
  scripts.length === 0 ? [] : ['/bin/sh', '-ec', [...scripts, startScript].join('\n'), 'sh'];

const tableOf = (binds: readonly SandboxBind[], places: readonly string[]): Buffer =>
  Buffer.from(
    binds
      .map(({ source }, index) => `${field(source)} ${places[index] ?? ''} none bind 0 0\n`)
      .join(''),
  );

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
