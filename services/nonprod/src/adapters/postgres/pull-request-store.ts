import type { PullRequestStore } from '../../app/trust-ports.ts';
import type { Database } from './client.ts';

/** What verified webhooks told of pull requests. */
export function createPullRequestStore(db: Database): PullRequestStore {
  return {
    async facts(repository, number) {
      const row = await db.pullRequest.findUnique({
        where: { repository_number: { repository, number } },
      });
      // Facts that name no head are of no commit.
      if (row === null || row.headCommit === null) return null;
      const { headCommit, headRepository, baseBranch, isFork } = row;
      const { authorProvider: provider, authorId: id, authorName: name } = row;
      return {
        ...{ number, headCommit, headRepository, baseBranch, isFork },
        author: provider === null || id === null || name === null ? null : { provider, id, name },
      };
    },
  };
}
