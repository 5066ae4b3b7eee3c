import { z } from 'zod';
import type { Sql } from '@airlock/database/sql';
import type { ReleaseQueue, ReleaseStore, WaitingRun } from '../../app/release-ports.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { countBuild } from './budget-store.ts';
import { inTransaction, sqlOf, type Database } from './client.ts';
import { insertJobs } from './head-store.ts';
import { admitRun } from './quota-store.ts';
import { trustOf } from './trust-store.ts';

const FilesColumn = z.enum(['own', 'base']);
const withTrust = { trust: true } as const;
type RunRow = Prisma.RunGetPayload<{ include: typeof withTrust }>;

/** The web process's side: it takes down what a member decided. */
export function createReleaseStore(db: Database): ReleaseStore {
  return {
    async run(id) {
      const row = await db.run.findUnique({ where: { id }, include: withTrust });
      return row === null ? null : await waitingRun(db, row);
    },

    async ask({ runId, commit, files, filesDigest, person }) {
      return await inTransaction(db, async (sql) => {
        const run = await lockHeld(sql, runId);
        if (run?.commit !== commit || run.head !== commit) return false;
        // A release that could not be acted on left the run waiting; it may be asked for again.
        const asked = await sql`
          insert into run_release (run_id, commit, files, files_digest, released_by, released_name)
          values (${runId}, ${commit}, ${files}, ${filesDigest}, ${person.id}, ${person.name})
          on conflict (run_id) do update set commit = excluded.commit, files = excluded.files,
            files_digest = excluded.files_digest, released_by = excluded.released_by,
            released_name = excluded.released_name, released_at = now(), applied_at = null
          where run_release.applied_at is not null
          returning run_id`;
        return asked.length === 1;
      });
    },

    async of(runId) {
      const row = await db.runRelease.findUnique({ where: { runId } });
      if (row === null) return null;
      return { files: FilesColumn.parse(row.files), name: row.releasedName, at: row.releasedAt };
    },
  };
}

/** The scheduler's side: it makes the jobs of what was released. */
export function createReleaseQueue(db: Database): ReleaseQueue {
  const sql = sqlOf(db);
  return {
    async asked(limit) {
      const asked = await sql<{ run_id: string }>`
        select run_id from run_release where applied_at is null order by released_at limit ${limit}`;
      if (asked.length === 0) return [];
      const rows = await db.runRelease.findMany({
        where: { runId: { in: asked.map((row) => row.run_id) } },
        include: { run: { include: withTrust } },
        orderBy: { releasedAt: 'asc' },
      });
      return await Promise.all(
        rows.map(async ({ run, runId, commit, files, filesDigest, releasedBy, releasedName }) => ({
          ...{ runId, commit, filesDigest, files: FilesColumn.parse(files) },
          person: { id: releasedBy, name: releasedName },
          run: await waitingRun(db, run),
        })),
      );
    },

    async start(runId, { plan, warnings, jobs, files, filesCommit, notes, limits }) {
      return await inTransaction(db, async (sql) => {
        const run = await lockHeld(sql, runId);
        await settle(sql, runId);
        if (run === null || run.head !== run.commit) return false;
        const [started] = await sql<{ repository: string; event: string; person: string | null }>`
          with trusted as (
            update run_trust set files = ${files}, files_commit = ${filesCommit}, notes = ${notes}
            where run_id = ${runId}
          )
          update run set state = 'queued', reason = null, plan = ${JSON.stringify(plan)}::jsonb, warnings = ${warnings}
          where id = ${runId} returning repository, event, person`;
        if (started === undefined) throw new Error(`${runId} is locked and not there`);
        await countBuild(sql, started);
        const { repository } = started;
        const known = await insertJobs(sql, { id: runId, plan, repository, jobs }, [], false);
        await admitRun(sql, runId, limits, known);
        return true;
      });
    },

    async putBack(runId, reason) {
      await inTransaction(db, async (sql) => {
        await settle(sql, runId);
        await sql`update run set reason = ${reason} where id = ${runId} and state = 'held'`;
      });
    },

    async fail(runId, reason) {
      await inTransaction(db, async (sql) => {
        await settle(sql, runId);
        await sql`
          update run set state = 'failed', reason = ${reason}, finished_at = now()
          where id = ${runId} and state = 'held'`;
      });
    },
  };
}

async function settle(sql: Sql, runId: string): Promise<void> {
  await sql`update run_release set applied_at = now() where run_id = ${runId}`;
}

/** Null when it does not wait (any more): a newer commit of its ref ends it in the transaction that moves the ref. */
async function lockHeld(
  sql: Sql,
  runId: string,
): Promise<{ commit: string; head: string | null } | null> {
  const [run] = await sql<{ commit: string; repository: string; ref: string }>`
    select commit, repository, ref from run where id = ${runId} and state = 'held' for update`;
  if (run === undefined) return null;
  const { commit, repository, ref } = run;
  const [head] = await sql<{ commit: string }>`
    select commit from git_head where repository = ${repository} and ref = ${ref}`;
  return { commit, head: head?.commit ?? null };
}

async function waitingRun(db: Database, row: RunRow): Promise<WaitingRun> {
  const { id, repository, state, event, ref, branch, commit, pullRequest, authorEmail } = row;
  const head = await db.gitHead.findUnique({ where: { repository_ref: { repository, ref } } });
  return {
    ...{ id, repository, state, event, ref, branch, commit, pullRequest, authorEmail },
    head: head?.commit ?? null,
    trust: trustOf(row.trust, commit),
  };
}
