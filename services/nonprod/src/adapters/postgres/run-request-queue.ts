import { z } from 'zod';
import { RunEvent } from '@airlock/common/wire/runner-protocol';
import { GitCommit } from '@airlock/common/wire/scalars';
import type { RunRequest, RunRequestQueue, RunRequests } from '../../app/source-ports.ts';
import { inTransaction, sqlOf, type Database } from './client.ts';
import { insertRun } from './head-store.ts';

const Row = z.object({
  id: z.string(),
  repository: z.string(),
  event: RunEvent,
  ref: z.string(),
  commit: GitCommit.nullable(),
  pullRequest: z.int().nullable(),
  deployTo: z.string().nullable(),
  cron: z.string().nullable(),
  variables: z.record(z.string(), z.string()),
  askedBy: z.string().nullable(),
  retryOf: z.string().nullable(),
  onlyFailed: z.boolean(),
});

/** What one look settles; the rest waits for the next. */
const batch = 50;

export function createRunRequestQueue(db: Database): RunRequestQueue {
  const sql = sqlOf(db);
  return {
    async waiting(repository) {
      const rows = await sql`
        select id, repository, event, ref, commit, pull_request as "pullRequest", deploy_to as "deployTo", cron,
          variables, asked_by as "askedBy", retry_of as "retryOf", only_failed as "onlyFailed"
        from run_request where repository = ${repository} and state = 'waiting' order by created_at limit ${batch}`;
      return rows.map((row): RunRequest => Row.parse(row));
    },

    async branches(repository, number) {
      return await db.pullRequest.findUnique({
        where: { repository_number: { repository, number } },
        select: { headCommit: true, sourceBranch: true, baseBranch: true },
      });
    },

    async start(run) {
      return await inTransaction(db, async (tx) => {
        const started = await tx`
          update run_request set state = 'started', settled_at = now() where id = ${run.id} and state = 'waiting'
          returning id`;
        return started.length === 1 && (await insertRun(tx, run));
      });
    },

    async refuse(id, reason) {
      await db.runRequest.updateMany({
        where: { id, state: 'waiting' },
        data: { state: 'refused', reason: reason.slice(0, 2000), settledAt: new Date() },
      });
    },
  };
}

/** The web process's side. */
export function createRunRequests(db: Database): RunRequests {
  return {
    async ask(request) {
      await db.runRequest.create({ data: { ...request, variables: { ...request.variables } } });
    },
    async outcome(id) {
      const row = await db.runRequest.findUnique({ where: { id } });
      if (row === null) return null;
      const { repository, event, ref, state, reason, askedBy, createdAt } = row;
      return { repository, event, ref, state, reason, askedBy, createdAt };
    },
    async head(repository, ref) {
      const row = await db.gitHead.findUnique({ where: { repository_ref: { repository, ref } } });
      return row?.commit ?? null;
    },
  };
}
