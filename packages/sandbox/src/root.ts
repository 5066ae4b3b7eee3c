/** A sandbox's programs and libraries from an unpacked root file system instead of this machine. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What the sandbox makes for itself, or what a build has no business with. */
const notShown = new Set([
  'proc',
  'dev',
  'sys',
  'tmp',
  'run',
  'mnt',
  'media',
  'boot',
  'lost+found',
]);

/**
 * Arguments for bwrap that show every other top-level directory of a root file system, read-only; bwrap itself takes set-user-id
 * bits and devices out of the view.
 *
 * @param directory where it lies on this machine.
 * @param source the same directory as bwrap shall open it.
 */
export function directoryRootArguments(directory: string, source: string): string[] {
  return readdirSync(directory)
    .sort()
    .filter((name) => !notShown.has(name))
    .flatMap((name) => {
      const facts = lstatSync(join(directory, name));
      if (facts.isSymbolicLink())
        return ['--symlink', readlinkSync(join(directory, name)), `/${name}`];
      return facts.isDirectory() ? ['--ro-bind', join(source, name), `/${name}`] : [];
    });
}

/**
 * True when `target` is a regular file there. Only then can another file be laid over it: the directory around it is not
 * writable to the sandbox, and a link would lead elsewhere.
 */
export function rootHasFile(directory: string, target: string): boolean {
  return lstatSync(join(directory, target), { throwIfNoEntry: false })?.isFile() ?? false;
}
