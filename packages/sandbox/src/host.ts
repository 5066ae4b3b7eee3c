/** What this machine offers a sandbox: programs, the root file system, the account, stray descriptors. */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { SandboxError } from './errors.ts';

/**
 * The account that root hands a sandbox to. Not 65534 (nobody): on many machines something else runs as nobody, and a
 * sandbox shall share its account with nothing. Never 0: outside a user namespace the kernel still lets uid 0 write
 * /proc/sys, whatever capabilities are dropped, and core_pattern there names a program that the host runs as root.
 */
export const unprivilegedAccount = { uid: 65_533, gid: 65_533 } as const;

/** True when sandboxes are handed to {@link unprivilegedAccount}; otherwise they run as the caller's own account. */
export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Each start of a sandbox asks for several, and a directory that has not one costs as much as a small file. */
const foundPrograms = new Map<string, string>();

/** Absolute path of a program, or null. Where it was found once, there it is. */
export function findProgram(name: string): string | null {
  const known = foundPrograms.get(name);
  if (known !== undefined) return known;
  const directories = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((path) => path.startsWith('/'));
  for (const directory of [...directories, '/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      foundPrograms.set(name, path);
      return path;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  return null;
}

/** @throws SandboxError `sandbox-unavailable` naming the package that has it. */
export function requireProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path !== null) return path;
  throw new SandboxError(
    'sandbox-unavailable',
    `${name} is not installed; on Debian or Ubuntu run: apt-get install -y ${debianPackage}`,
  );
}

/** Arguments for bwrap that show the host's programs and libraries, read-only, and nothing else of it. */
export function rootFileSystemArguments(): string[] {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    const path = `/${name}`;
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink()) args.push('--symlink', readlinkSync(path), path);
    else args.push('--ro-bind', path, path);
  }
  // Debian's awk, which, nc … are links through here; the cache lets programs find libraries in unusual places.
  for (const path of ['/etc/alternatives', '/etc/ld.so.cache'])
    args.push('--ro-bind-try', path, path);
  return args;
}

/**
 * Descriptors above 2 that a child of this process would inherit although nobody gave them to it.
 *
 * Node marks everything it opens close-on-exec, and what it was started with only up to the first gap after 15, so that a
 * descriptor 20 left open by whatever started the runner would reach an untrusted build. They are what it was started with,
 * and looked for once.
 */
export function strayDescriptors(): readonly number[] {
  stray ??= findStrayDescriptors();
  return stray;
}

let stray: readonly number[] | undefined;

function findStrayDescriptors(): number[] {
  const closeOnExec = 0o2000000;
  const stray: number[] = [];
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor <= 2) continue;
    let info: string;
    try {
      info = readFileSync(`/proc/self/fdinfo/${name}`, 'utf8');
    } catch {
      // The descriptor of the listing itself, closed by now.
      continue;
    }
    const flags = /^flags:\s+([0-7]+)$/m.exec(info)?.[1];
    if (flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0)
      stray.push(descriptor);
  }
  return stray;
}
