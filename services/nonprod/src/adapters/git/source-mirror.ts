import { GitError } from '@airlock/git/git-error';
import type { Mirror } from '@airlock/git/mirror';
import type { SourceArchive, SourceMirror } from '../../app/ports.ts';
import { maxFileBytes } from '@airlock/pipeline/yaml-file';

/** Every branch and pull request; heads may be rewritten, because nothing here is believed by the gate. */
export const nonprodRefspecs = ['+refs/heads/*:refs/heads/*', '+refs/pull/*:refs/pull/*'];

/** Stands for a file that git does not even hand out; the parser refuses it for its length. */
const tooLong = '#'.repeat(maxFileBytes + 1);

export function createSourceMirror(mirror: Mirror): SourceMirror & SourceArchive {
  return {
    async fetch() {
      await mirror.fetch();
    },
    async heads() {
      return [...(await mirror.refs('refs/heads/')), ...(await mirror.refs('refs/pull/'))];
    },
    async details(commit) {
      const [entry] = await mirror.log({ from: null, to: commit, limit: 1 });
      return {
        subject: (entry?.subject ?? '').slice(0, 500),
        authorName: entry?.authorName ?? '',
        authorEmail: entry?.authorEmail ?? '',
      };
    },
    async file(commit, path) {
      const bytes = await readUpTo16MiB(mirror, commit, path);
      if (bytes === 'too-large') return tooLong;
      // What is longer is refused by the parser, which needs no more than this to say so.
      return bytes === null ? null : bytes.subarray(0, maxFileBytes + 1).toString('utf8');
    },
    async fileBlob(commit, path) {
      const facts = await mirror.commitFacts(commit, [path]);
      return facts?.blobs[path] ?? null;
    },
    archive: (commit) => mirror.archive(commit),
  };
}

async function readUpTo16MiB(
  mirror: Mirror,
  commit: string,
  path: string,
): Promise<Buffer | null | 'too-large'> {
  try {
    return await mirror.readBlob(commit, path);
  } catch (error) {
    if (error instanceof GitError && error.code === 'git-too-large') return 'too-large';
    throw error;
  }
}
