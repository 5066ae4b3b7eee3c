import type { Sql } from '@airlock/database/sql';
import type { QuotaStore } from '../../app/quota-ports.ts';
import { waitReason, type Admission } from '../../domain/quota.ts';
import { inTransaction, sqlOf, type Database } from './client.ts';
import { advanceKnown, advanceLocked, lockRun, type KnownRun } from './run-progress.ts';

/** Of each repository and person whom quotas bind one look lets in at most so many; the next look goes on. */
const atOneLook = 20;
/** Two that count the same runs take turns. */
const admissionLock = 4_072_052;

export function createQuotaStore(db: Database): QuotaStore {
  const sql = sqlOf(db);
  return {
    async use(repository, withStored) {
      const [row] = await sql<{ queued: number; waiting: number; repositories: number }>`
        select count(*) filter (where repository = ${repository})::int as queued, count(*)::int as waiting,
          count(distinct repository)::int as repositories
        from run where state = 'queued'`;
      return {
        queued: row?.queued ?? 0,
        waiting: row?.waiting ?? 0,
        repositories: row?.repositories ?? 0,
        storedBytes: withStored ? await storedBytesOf(sql, repository) : null,
      };
    },

    async waiting() {
      return await sql<{ id: string; repository: string }>`
        select id, repository from (
          select id, repository, number, row_number() over (
            partition by repository, case when person_by in ('asked', 'linked') then person end order by number
          ) as place
          from run where state = 'queued' and admitted_at is null
        ) waiting
        where place <= ${atOneLook} order by number`;
    },

    async admit(runId, limits) {
      return await inTransaction(db, async (tx) => {
        if ((await lockRun(tx, runId)) !== null) return false;
        return await admitRun(tx, runId, limits, null);
      });
    },
  };
}

/** The same bytes lie in the store once. */
async function storedBytesOf(sql: Sql, repository: string): Promise<number> {
  const [row] = await sql<{ bytes: string }>`
    select coalesce(sum(size), 0)::bigint as bytes from (
      select distinct artifact.digest, artifact.size from artifact join run on run.id = artifact.run_id
      where run.repository = ${repository}
      union all select id, log_bytes from job where repository = ${repository} and log_bytes > 0
      union all select distinct digest, size from cache_entry where repository = ${repository}
    ) kept`;
  return Number(row?.bytes ?? 0);
}

interface GoingRow {
  readonly repository: string;
  readonly going: number;
  readonly person: string | null;
  readonly person_free_at: Date | null;
}

/**
 * Puts the jobs of a queued run in line, or writes on it what it waits for. To be called in the transaction that made the
 * run, or locked it while nobody had cancelled it.
 *
 * @param known the run as this transaction made it; null: it is read.
 * @returns whether its jobs are in line.
 */
export async function admitRun(
  sql: Sql,
  runId: string,
  limits: Admission,
  known: KnownRun | null,
): Promise<boolean> {
  if (limits.runsAtOnce !== null || limits.runsAPersonAnHour !== null) {
    await sql`select pg_advisory_xact_lock(${admissionLock}::bigint)`;
    const [row] = await sql<GoingRow>`
      select run.repository, known.person,
        (select count(*)::int from run going where going.repository = run.repository
          and going.state in ('queued', 'running') and going.admitted_at is not null) as going,
        (select begun.admitted_at + interval '1 hour' from run begun
          where begun.person = known.person and begun.person_by in ('asked', 'linked')
            and begun.admitted_at > now() - interval '1 hour'
          order by begun.admitted_at desc offset ${(limits.runsAPersonAnHour ?? 1) - 1} limit 1) as person_free_at
      from run left join lateral (
        select run.person where run.person_by in ('asked', 'linked')
      ) known on true
      where run.id = ${runId} and run.state = 'queued' and run.admitted_at is null`;
    if (row === undefined) return false;
    const { repository, going, person, person_free_at: personFreeAt } = row;
    const reason = waitReason({ repository, going, person, personFreeAt }, limits);
    if (reason !== null) {
      await sql`
        update run set reason = ${reason} where id = ${runId} and reason is distinct from ${reason}`;
      return false;
    }
  }
  const [admitted] = await sql`
    update run set admitted_at = now(), reason = null
    where id = ${runId} and state = 'queued' and admitted_at is null returning id`;
  if (admitted === undefined) return false;
  await (known === null ? advanceLocked(sql, runId, null) : advanceKnown(sql, runId, known, null));
  return true;
}
