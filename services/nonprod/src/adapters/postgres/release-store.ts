import { z } from 'zod';
import type { ReleaseQueue, ReleaseStore, WaitingRun } from '../../app/release-ports.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { countBuild } from './budget-store.ts';
import type { Database, Transaction } from './client.ts';
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
      return await db.$transaction(async (tx) => {
        const run = await lockHeld(tx, runId);
        if (run?.commit !== commit || run.head !== commit) return false;
        // A release that could not be acted on left the run waiting; it may be asked for again.
        const count = await tx.$executeRaw`
          insert into run_release (run_id, commit, files, files_digest, released_by, released_name)
          values (${runId}, ${commit}, ${files}, ${filesDigest}, ${person.id}, ${person.name})
          on conflict (run_id) do update set commit = excluded.commit, files = excluded.files,
            files_digest = excluded.files_digest, released_by = excluded.released_by,
            released_name = excluded.released_name, released_at = now(), applied_at = null
          where run_release.applied_at is not null`;
        return count === 1;
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
  return {
    async asked(limit) {
      const rows = await db.runRelease.findMany({
        where: { appliedAt: null },
        include: { run: { include: withTrust } },
        orderBy: { releasedAt: 'asc' },
        take: limit,
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
      return await db.$transaction(async (tx) => {
        const run = await lockHeld(tx, runId);
        await settle(tx, runId);
        if (run === null || run.head !== run.commit) return false;
        const { repository, event, person } = await tx.run.update({
          where: { id: runId },
          data: { state: 'queued', reason: null, plan, warnings: [...warnings] },
        });
        await tx.runTrust.updateMany({
          where: { runId },
          data: { files, filesCommit, notes: [...notes] },
        });
        await countBuild(tx, { repository, event, person });
        const known = await insertJobs(tx, { id: runId, plan, repository, jobs });
        await admitRun(tx, runId, limits, known);
        return true;
      });
    },

    async putBack(runId, reason) {
      await db.$transaction(async (tx) => {
        await settle(tx, runId);
        await tx.run.updateMany({ where: { id: runId, state: 'held' }, data: { reason } });
      });
    },

    async fail(runId, reason) {
      await db.$transaction(async (tx) => {
        await settle(tx, runId);
        await tx.run.updateMany({
          where: { id: runId, state: 'held' },
          data: { state: 'failed', reason, finishedAt: new Date() },
        });
      });
    },
  };
}

async function settle(tx: Transaction, runId: string): Promise<void> {
  await tx.runRelease.updateMany({ where: { runId }, data: { appliedAt: new Date() } });
}

/** Null when it does not wait (any more): a newer commit of its ref ends it in the transaction that moves the ref. */
async function lockHeld(
  tx: Transaction,
  runId: string,
): Promise<{ commit: string; head: string | null } | null> {
  const [run] = await tx.$queryRaw<{ commit: string; repository: string; ref: string }[]>`
    select commit, repository, ref from run where id = ${runId} and state = 'held' for update`;
  if (run === undefined) return null;
  const { repository, ref } = run;
  const head = await tx.gitHead.findUnique({ where: { repository_ref: { repository, ref } } });
  return { commit: run.commit, head: head?.commit ?? null };
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
