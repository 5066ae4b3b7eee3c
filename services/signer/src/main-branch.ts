import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type { Mirror } from '@airlock/git/mirror';

export type MainBranch = {
  /**
   * What main says of a commit, fetched for this question.
   *
   * @throws GitError, such as `git-unreachable` or `git-rewound`: without a fresh main nothing is signed for it.
   */
  facts(commit: string, paths: readonly string[]): Promise<CommitPlace | null>;
};

export function createMainBranch(mirror: Pick<Mirror, 'fetch' | 'commitFacts'>): MainBranch {
  return {
    async facts(commit, paths) {
      await mirror.fetch();
      return mirror.commitFacts(commit, paths);
    },
  };
}
