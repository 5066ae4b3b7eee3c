import type { Review, ReviewStore, RunSuspicion } from '../../app/look-ports.ts';
import { Flags } from '../../domain/watch/flag.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from './client.ts';

/** What was seen of a run’s jobs: of the attempt that ended each, and of the one that ran where it was kept. */
const looksOfRuns = Prisma.sql`
  job j join job ran on ran.id = coalesce(j.kept_from, j.id)
  join job_look l on l.job_id = ran.id and l.lease = ran.lease`;

export function createReviewStore(db: Database): ReviewStore {
  return {
    of: (runId) => suspicionOf(db, runId),

    async marks(runIds) {
      if (runIds.length === 0) return new Map();
      const rows = await db.$queryRaw<{ runId: string; suspicious: boolean; reviewed: boolean }[]>`
        select j.run_id as "runId", bool_or(l.suspicious) as suspicious,
          exists (select from run_review where run_review.run_id = j.run_id) as reviewed
        from ${looksOfRuns}
        where j.run_id in (${Prisma.join([...runIds])}) and jsonb_array_length(l.flags) > 0
        group by j.run_id`;
      return new Map(
        rows.map(({ runId, suspicious, reviewed }) => [runId, { suspicious, reviewed }]),
      );
    },

    async theirs(runId) {
      const rows = await db.$queryRaw<{ person: string | null; email: string }[]>`
        select person, author_email as email from run where id = ${runId}
          or id in (select ran.run_id from job j join job ran on ran.id = j.kept_from where j.run_id = ${runId})`;
      if (rows.length === 0) return null;
      return rows.flatMap(({ person, email }) => (person === null ? [email] : [person, email]));
    },

    async review(runId, { reason, by, name }) {
      const count = await db.$executeRaw`
        insert into run_review (run_id, reason, reviewed_by, reviewed_name)
        values (${runId}, ${reason}, ${by}, ${name}) on conflict (run_id) do nothing`;
      return count === 1;
    },
  };
}

export async function suspicionOf(db: Database, runId: string): Promise<RunSuspicion> {
  const rows = await db.$queryRaw<{ jobId: string; workflow: string; flags: unknown }[]>`
    select j.id as "jobId", j.workflow, l.flags from ${looksOfRuns}
    where j.run_id = ${runId} order by j.position`;
  const [review] = await db.$queryRaw<Review[]>`
    select reason, reviewed_by as by, reviewed_name as name, reviewed_at as at from run_review where run_id = ${runId}`;
  return {
    flags: rows.flatMap(({ jobId, workflow, flags }) =>
      Flags.parse(flags).map((flag) => ({ ...flag, jobId, workflow })),
    ),
    review: review ?? null,
  };
}
