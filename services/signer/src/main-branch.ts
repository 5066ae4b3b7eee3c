import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type { Mirror } from '@airlock/git/mirror';
import { planFiles, type PlanFiles } from '@airlock/pipeline/plan-files';
import { readCommitSource, type CommitSource } from './domain/commit-source.ts';

export type MainBranch = {
  /**
   * What main says of a commit, fetched for this question.
   *
   * @throws GitError, such as `git-unreachable` or `git-rewound`: without a fresh main nothing is signed for it.
   */
  facts(commit: string, paths: readonly string[]): Promise<CommitPlace | null>;
  /** What a commit that `facts` knows names as its source. */
  source(commit: string): Promise<CommitSource | null>;
  /** The files from which the commit's plan follows, of a commit that `facts` knows. */
  planFiles(commit: string): Promise<PlanFiles>;
};

export function createMainBranch(
  mirror: Pick<Mirror, 'fetch' | 'commitFacts' | 'commitObject' | 'readBlob' | 'listFiles'>,
): MainBranch {
  return {
    async facts(commit, paths) {
      await mirror.fetch();
      return mirror.commitFacts(commit, paths);
    },
    async source(commit) {
      const object = await mirror.commitObject(commit);
      return object === null ? null : readCommitSource(object);
    },
    planFiles: (commit) =>
      planFiles({
        list: (directory) => mirror.listFiles(commit, directory),
        read: (path) => mirror.readBlob(commit, path),
      }),
  };
}
