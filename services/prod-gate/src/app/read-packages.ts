/** Reads from the gate's own mirror which packages a commit's lockfiles lock: all of them, not what changed. */
import { AirlockError } from '@airlock/common/errors';
import { sha256Hex } from '@airlock/common/encoding/hex';
import {
  isLockfile,
  LockfileError,
  maxLockfileBytes,
  packageTypeOf,
  readLockfile,
} from '../domain/changes/lockfile.ts';
import { purlName, splitPurl, type LockedPackage } from '../domain/purl.ts';
import type { GitReader } from './intake-ports.ts';
import { remembered } from './remembered.ts';

/** Lockfiles of one commit that are read. */
const maxLockfiles = 64;

export type Lockfile = {
  /** SHA-256 of its bytes and the type of its packages. */
  readonly digest: string;
  readonly packages: readonly LockedPackage[];
};

export type CommitPackages = {
  readonly lockfiles: readonly Lockfile[];
  /** False where there are more or larger ones than are read, or one is not in its form: no package can be ruled out then. */
  readonly isWhole: boolean;
  /** False where the mirror does not have the commit, which may come. */
  readonly isKnown: boolean;
};

export async function readPackages(
  git: Pick<GitReader, 'allFiles' | 'readBlob'>,
  commit: string,
): Promise<CommitPackages> {
  try {
    const files = await git.allFiles(commit);
    if (files === null) return { lockfiles: [], isWhole: false, isKnown: false };
    const paths = files.filter(isLockfile);
    const lockfiles: Lockfile[] = [];
    let isWhole = paths.length <= maxLockfiles;
    for (const path of paths.slice(0, maxLockfiles)) {
      const bytes = await git.readBlob(commit, path);
      const read = bytes === null ? null : lockfileOf(path, bytes);
      if (read === null) isWhole = false;
      else lockfiles.push(read);
    }
    return { lockfiles, isWhole, isKnown: true };
  } catch (cause) {
    // It will not be shorter the next time.
    if (!(cause instanceof AirlockError) || cause.code !== 'git-too-large') throw cause;
    return { lockfiles: [], isWhole: false, isKnown: true };
  }
}

function lockfileOf(path: string, bytes: Buffer): Lockfile | null {
  if (bytes.length > maxLockfileBytes) return null;
  try {
    const type = packageTypeOf(path);
    const packages = [...readLockfile(path, bytes)].flatMap(([name, versions]) =>
      [...versions].map((version) => ({ name: purlName(type, name), version })),
    );
    return { digest: sha256Hex(Buffer.concat([Buffer.from(`${type}\n`), bytes])), packages };
  } catch (cause) {
    if (cause instanceof LockfileError) return null;
    throw cause;
  }
}

/** A waiting promotion is judged many times. */
const packagesOnce = remembered<CommitPackages>(8, ({ isKnown }) => isKnown);

/** Whether a lockfile of the commit locks the package; null where that is not known. */
export async function locksPackage(
  git: Pick<GitReader, 'allFiles' | 'readBlob'>,
  commit: string,
  purl: string,
): Promise<boolean | null> {
  const wanted = splitPurl(purl);
  const { lockfiles, isWhole } = await packagesOnce(git, commit, () => readPackages(git, commit));
  const isLocked = lockfiles.some(({ packages }) =>
    packages.some(
      ({ name, version }) =>
        name === wanted.name && (wanted.version === null || wanted.version === version),
    ),
  );
  return isLocked || (isWhole ? false : null);
}
