import { commitWords } from '@airlock/common/commit-words';
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
  return {
    async fetch() {
      await mirror.fetch();
    },
    async heads() {
      return (
        await Promise.all(
          ['refs/heads/', 'refs/tags/', 'refs/pull/'].map((each) => mirror.refs(each)),
        )
      ).flat();
    },
    head: (ref) => mirror.resolve(ref),
    async details(commit) {
      // Read as the runner reads it, which refuses what it is told otherwise.
      return commitWords((await mirror.commitObject(commit)) ?? new Uint8Array());
    },
    planFiles: (commit) =>
      planFiles({
        list: (directory) => mirror.listFiles(commit, directory),
        read: (path) => mirror.readBlob(commit, path),
      }),
    async changedFiles(commit, against) {
      const from = await mirror.mergeBase(against, commit);
      if (from === null) return null;
      const files = await mirror.changedFiles({ from, to: commit });
      return files.length > mostChangedFiles ? null : files.map(({ path }) => path);
    },
    file: (commit, path) => planFile(() => mirror.readBlob(commit, path)),
    async fileBlob(commit, path) {
      const facts = await mirror.commitFacts(commit, [path]);
      return facts?.blobs[path] ?? null;
    },
    archive: (commit) => mirror.archive(commit),
    commitObject: (commit) => mirror.commitObject(commit),
  };
}
