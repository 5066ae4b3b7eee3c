/** What names a thing in git, refused before git sees it: a short name means whatever its sender wants it to mean. */
import { GitError } from './git-error.ts';

export function refuseCommit(commit: string): void {
  if (!/^[0-9a-f]{40}$/.test(commit)) {
    throw new GitError('git-name-refused', 'a full commit id of 40 lower-case digits is expected');
  }
}

export function refuseRef(ref: string): void {
  if (!/^refs\/[A-Za-z0-9._/-]+$/.test(ref)) {
    throw new GitError('git-name-refused', 'a full ref such as refs/heads/main is expected');
  }
}

export function refusePath(path: string): void {
  if (path === '' || path.startsWith('/') || path.endsWith('/') || path.includes('\0')) {
    throw new GitError('git-name-refused', 'a relative path of a file is expected');
  }
}
