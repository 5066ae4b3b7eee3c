import { z } from 'zod';
import type { RetryStore } from '../../app/cancel-ports.ts';
import { runStates, isFinished } from '../../domain/run.ts';
import type { Database } from './client.ts';
import { eventOf, runStateOf } from './row-shapes.ts';

const Variables = z.record(z.string(), z.string());
const unfinished = runStates.filter((state) => !isFinished(state));

export function createRetryStore(db: Database): RetryStore {
  return {
    async find(runId) {
      const row = await db.run.findUnique({
        where: { id: runId },
        include: { repositoryRow: { select: { mainBranch: true } } },
      });
      if (row === null) return null;
      const { id, repository, ref, commit, pullRequest, cron, deployTo } = row;
      const head = await db.gitHead.findUnique({ where: { repository_ref: { repository, ref } } });
      const asked = await db.runRequest.findFirst({ where: { retryOf: id, state: 'waiting' } });
      const retry = await db.run.findFirst({
        where: { retryOf: id, state: { in: unfinished } },
      });
      return {
        ...{ id, repository, ref, commit, pullRequest, cron, deployTo },
        state: runStateOf(row.state),
        event: eventOf(row.event),
        variables: Variables.parse(row.variables),
        head: head?.commit ?? null,
        retriedAs: asked?.id ?? retry?.id ?? null,
        isMain: ref === `refs/heads/${row.repositoryRow.mainBranch}`,
      };
    },

    async ask(run, { id, person, onlyFailed }) {
      const { repository, event, ref, commit, pullRequest, cron, deployTo, variables } = run;
      const { count } = await db.runRequest.createMany({
        data: [
          {
            ...{ id, repository, event, ref, commit, pullRequest, cron, deployTo },
            ...{ variables: { ...variables }, askedBy: person, retryOf: run.id },
            onlyFailed,
          },
        ],
        skipDuplicates: true,
      });
      return count === 1;
    },
  };
}
