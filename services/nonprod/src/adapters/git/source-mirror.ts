import { commitWords } from '@airlock/common/commit-words';
import { GitError } from '@airlock/git/git-error';
import type { Mirror } from '@airlock/git/mirror';
import type { SourceArchive, SourceMirror } from '../../app/ports.ts';
import { planFile, planFiles } from '@airlock/pipeline/plan-files';

/**
 * Every branch, tag and pull request; heads may be rewritten, because nothing here is believed by the gate. Pull requests have
 * one name here, whatever their forge calls them.
 */
export const nonprodRefspecs = [
  '+refs/heads/*:refs/heads/*',
  '+refs/tags/*:refs/tags/*',
  '+refs/pull/*:refs/pull/*',
  '+refs/merge-requests/*/head:refs/pull/*/head',
  '+refs/pull-requests/*/from:refs/pull/*/head',
];

const mostChangedFiles = 10_000;

export function createSourceMirror(mirror: Mirror): SourceMirror & SourceArchive {
  const { objects } = mirror;
  return {
    async fetch() {
      await mirror.fetch();
    },
    heads: () => mirror.refs('refs/heads/', 'refs/tags/', 'refs/pull/'),
    head: (ref) => objects.resolve(ref),
    async details(commit) {
      const object = await objects.commit(commit);
      if (object === null) throw new GitError('git-failed', `the mirror lacks commit ${commit}`);
      // Read as the runner reads it, which refuses what it is told otherwise.
      return commitWords(object);
    },
    planFiles: (commit) =>
      planFiles({
        list: (directory) => objects.listFiles(commit, directory),
        read: (path) => objects.readBlob(commit, path),
      }),
    async changedFiles(commit, against) {
      // What pushes and branches bring is looked at here; anything else takes git two processes.
      const fork = (await objects.comesFrom(commit, against))
        ? { commit: against }
        : await objects.forkOf(commit, against);
      const from = fork === 'unclear' ? await mirror.mergeBase(against, commit) : fork.commit;
      if (from === null) return null;
      const paths = await objects.changedPaths(from, commit, mostChangedFiles);
      if (paths !== null) return paths;
      const files = await mirror.changedFiles({ from, to: commit });
      return files.length > mostChangedFiles ? null : files.map(({ path }) => path);
    },
    file: (commit, path) => planFile(() => objects.readBlob(commit, path)),
    fileBlob: (commit, path) => objects.blobId(commit, path),
    archive: (commit) => mirror.archive(commit),
    commitObject: (commit) => objects.commit(commit),
  };
}
