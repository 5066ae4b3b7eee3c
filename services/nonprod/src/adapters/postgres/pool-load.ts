import type { DatabasePool } from '@airlock/database/pool';
import type { PoolLoad } from '../../domain/pool-size.ts';
import { heardWithinSeconds } from '../../domain/runner.ts';

export function createPoolLoad(pool: DatabasePool): (name: string) => Promise<PoolLoad> {
  return async (name) => {
    const { rows } = await pool.query<PoolLoad>(
      `select
         (select count(*) from job where job.pool = $1 and state = 'queued')::int as waiting,
         (select count(*) from job where job.pool = $1 and state = 'leased')::int as running,
         (select count(*) from runner where runner.pool = $1 and state = 'active'
            and coalesce(last_seen_at, enrolled_at) > now() - make_interval(secs => $2)
            and (spent_at is null
              or exists (select from job where job.runner = runner.id and job.state = 'leased')))::int as present,
         (select count(*) from runner_token token where token.pool = $1 and token.kind = 'once'
            and token.expires_at > now()
            -- One that was shown is on its way until its runner is registered.
            and (token.spent_at is null
              or exists (select from runner_enrolment where token_id = token.id and state = 'waiting')))::int as starting`,
      [name, heardWithinSeconds],
    );
    return rows[0] ?? { waiting: 0, running: 0, present: 0, starting: 0 };
  };
}
