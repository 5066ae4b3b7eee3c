/** Which job of a pool is next: whose turn it is, among those that may run now. */
import type { Transaction } from './client.ts';

interface Next {
  readonly id: string;
  readonly turn: bigint;
  readonly concurrency_group: string | null;
  readonly concurrency_limit: number | null;
  readonly pool_limit: number | null;
}

/** Two claims that count the same group or pool take turns; others do not meet. */
const limitsLock = 4_072_051;

/**
 * Locks the job that is next in the pool until the transaction ends; null when none may run. To be marked as leased in the
 * same transaction.
 */
export async function nextJob(tx: Transaction, pool: string): Promise<string | null> {
  const chosen = await choose(tx, pool);
  if (chosen === null) return null;
  if (chosen.concurrency_limit === null && chosen.pool_limit === null) {
    await moveClock(tx, pool, chosen.turn);
    return chosen.id;
  }
  // Counted once more behind everybody who was counting: what they took is seen by this statement.
  await tx.$executeRaw`select pg_advisory_xact_lock(${limitsLock}::bigint)`;
  const still = await choose(tx, pool);
  if (still === null) return null;
  await moveClock(tx, pool, still.turn);
  return still.id;
}

async function choose(tx: Transaction, pool: string): Promise<Next | null> {
  const [next] = await tx.$queryRaw<Next[]>`
    with busy as materialized (
      select repository, concurrency_group, count(*) as running from job
      where state = 'leased' and concurrency_group is not null
      group by repository, concurrency_group
    ), room as materialized (
      select concurrency, concurrency is null
        or concurrency > (select count(*) from job where state = 'leased' and pool = ${pool}) as is_there
      from (select (select concurrency from pool where name = ${pool}) as concurrency) as limited
    )
    select job.id, job.turn, job.concurrency_group, job.concurrency_limit, room.concurrency as pool_limit
    from job cross join room
      left join busy on busy.repository = job.repository and busy.concurrency_group = job.concurrency_group
    where job.state = 'queued' and job.pool = ${pool} and room.is_there
      and (job.concurrency_limit is null or coalesce(busy.running, 0) < job.concurrency_limit)
    order by job.turn, job.created_at
    limit 1 for update of job skip locked`;
  return next ?? null;
}

async function moveClock(tx: Transaction, pool: string, turn: bigint): Promise<void> {
  await tx.$executeRaw`
    insert into pool_clock (pool, turn) values (${pool}, ${turn})
    on conflict (pool) do update set turn = excluded.turn where pool_clock.turn < excluded.turn`;
}
