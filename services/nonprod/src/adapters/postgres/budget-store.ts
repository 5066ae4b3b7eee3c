import type { Sql } from '@airlock/database/sql';
import type { BudgetStore } from '../../app/trust-ports.ts';
import { defaultBudgets, triggerOf } from '../../domain/budget.ts';
import { sqlOf, type Database } from './client.ts';

interface Row {
  readonly builds: number | null;
  readonly seconds: string | null;
  readonly builds_a_day: number | null;
  readonly minutes_a_day: number | null;
}

export function createBudgetStore(db: Database): BudgetStore {
  const sql = sqlOf(db);
  return {
    async today(repository, trigger) {
      const [row] = await sql<Row>`
        select u.builds, u.seconds, b.builds_a_day, b.minutes_a_day
        from (
          select sum(builds)::int as builds, sum(seconds)::bigint as seconds from usage_day
          where repository = ${repository} and trigger = ${trigger} and day = (now() at time zone 'utc')::date
        ) u
          left join budget b on b.repository = ${repository} and b.trigger = ${trigger}`;
      const standard = defaultBudgets[trigger];
      return {
        usage: {
          builds: row?.builds ?? 0,
          seconds: Number(row?.seconds ?? 0),
        },
        budget: {
          buildsADay: row?.builds_a_day ?? standard.buildsADay,
          minutesADay: row?.minutes_a_day ?? standard.minutesADay,
        },
      };
    },

    async set(repository, trigger, budget, setBy) {
      const set = await sql`
        insert into budget (repository, trigger, builds_a_day, minutes_a_day, set_by)
        select name, ${trigger}, ${budget.buildsADay}, ${budget.minutesADay}, ${setBy}
        from repository where name = ${repository}
        on conflict (repository, trigger) do update set builds_a_day = excluded.builds_a_day,
          minutes_a_day = excluded.minutes_a_day, set_by = excluded.set_by, set_at = now()
        returning repository`;
      return set.length === 1;
    },
  };
}

/** Counts a run that starts, in the transaction that makes it. */
export async function countBuild(
  sql: Sql,
  run: { readonly repository: string; readonly event: string; readonly person: string | null },
): Promise<void> {
  await sql`
    insert into usage_day (repository, day, trigger, person, builds)
    values (${run.repository}, (now() at time zone 'utc')::date, ${triggerOf(run.event)}, ${run.person ?? ''}, 1)
    on conflict (repository, day, trigger, person, pool) do update set builds = usage_day.builds + 1`;
}
