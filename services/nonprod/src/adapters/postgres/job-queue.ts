/** Which job of a pool is next: whose turn it is, among those that may run now. */
import type { Sql } from '@airlock/database/sql';

interface Next {
  readonly id: string;
  /** Postgres's int8, which has no number of its own. */
  readonly turn: string;
  /** A limit of its group or pool has to hold. */
  readonly counted: boolean;
}

/** Two claims that count the same group or pool take turns; others do not meet. */
const limitsLock = 4_072_051;

/**
 * Locks the job that is next in the pool until the transaction ends; null when none may run. To be marked as leased in the
 * same transaction.
 */
export async function nextJob(sql: Sql, pool: string): Promise<string | null> {
  const chosen = await choose(sql, pool);
  if (chosen === null) return null;
  if (!chosen.counted) return chosen.id;
  // Counted once more behind everybody who was counting: what they took is seen by this statement.
  await sql`select pg_advisory_xact_lock(${limitsLock}::bigint)`;
  const still = await choose(sql, pool);
  if (still === null) return null;
  if (still.counted) {
    await sql`
      insert into pool_clock (pool, turn) values (${pool}, ${still.turn})
      on conflict (pool) do update set turn = excluded.turn where pool_clock.turn < excluded.turn`;
  }
  return still.id;
}

async function choose(sql: Sql, pool: string): Promise<Next | null> {
  const [next] = await sql<Next>`
    with busy as materialized (
      select repository, concurrency_group, count(*) as running from job
      where state = 'leased' and concurrency_group is not null
      group by repository, concurrency_group
    ), room as materialized (
      select concurrency, concurrency is null
        or concurrency > (select count(*) from job where state = 'leased' and pool = ${pool}) as is_there
      from (select (select concurrency from pool where name = ${pool}) as concurrency) as limited
    ), chosen as (
      select job.id, job.turn, job.concurrency_limit is not null or room.concurrency is not null as counted
      from job cross join room
        left join busy on busy.repository = job.repository and busy.concurrency_group = job.concurrency_group
      where job.state = 'queued' and job.pool = ${pool} and room.is_there
        and (job.concurrency_limit is null or coalesce(busy.running, 0) < job.concurrency_limit)
      order by job.turn, job.created_at
      limit 1 for update of job skip locked
    ), clock as (
      insert into pool_clock (pool, turn) select ${pool}, turn from chosen where not counted
      on conflict (pool) do update set turn = excluded.turn where pool_clock.turn < excluded.turn
    )
    select id, turn, counted from chosen`;
  return next ?? null;
}
