import type { AnyFigure, Figure } from '@airlock/web/figures';
import { histogramBounds, histogramRows } from '@airlock/web/histogram';
import { z } from 'zod';
import type { Database } from './client.ts';

/** Repositories that a figure names; the others are summed, so that a thousand of them make no thousand series. */
const namedRepositories = 100;
/** A runner asks for work at least this often. */
const seenWithinSeconds = 120;

const count = z.bigint().transform(Number);
const RunRows = z.array(z.object({ repo: z.string(), result: z.string(), runs: count }));
const TimeRows = z.array(
  z.object({ label: z.string(), bucket: count, number: count, seconds: z.number() }),
);
const PoolRows = z.array(
  z.object({ pool: z.string(), wanted: count, wait: z.number(), online: count }),
);

/**
 * What nonprod says of itself to Prometheus. A private repository is not named: whoever reads figures did not sign in, and
 * sees what everybody may.
 */
export function createFigureReader(db: Database): () => Promise<readonly AnyFigure[]> {
  return async () => {
    const [runs, pools, waits, builds, contact] = await Promise.all([
      finishedRuns(db),
      poolsNow(db),
      waitsForRunner(db),
      buildTimes(db),
      db.gateContact.findFirst(),
    ]);
    const byPool = (of: (row: z.infer<typeof PoolRows>[number]) => number): Figure['rows'] =>
      pools.map((row) => ({ labels: { pool: row.pool }, value: of(row) }));
    return [
      {
        name: 'airlock_runs_total',
        help: 'Finished runs. The 100 oldest repositories are named, others and private ones are summed.',
        type: 'counter',
        rows: runs.map(({ repo, result, runs: value }) => ({ labels: { repo, result }, value })),
      },
      {
        name: 'airlock_queue_wait_seconds',
        help: 'How long the job that waits longest for a runner has waited since its run was admitted; 0: none waits.',
        type: 'gauge',
        rows: byPool(({ wait }) => wait),
      },
      {
        name: 'airlock_job_wait_seconds',
        help: 'How long finished jobs had waited for a runner since their run was admitted.',
        type: 'histogram',
        rows: histogramRows(
          waits.map(({ label, ...row }) => ({ labels: { pool: label }, ...row })),
        ),
      },
      {
        name: 'airlock_build_seconds',
        help: 'How long finished runs took since their first job began.',
        type: 'histogram',
        rows: histogramRows(
          builds.map(({ label, ...row }) => ({ labels: { result: label }, ...row })),
        ),
      },
      {
        name: 'airlock_runner_online',
        help: 'Runners that may take jobs and were heard of within two minutes.',
        type: 'gauge',
        rows: byPool(({ online }) => online),
      },
      {
        name: 'airlock_pool_desired',
        help: 'Runners that would keep no job waiting: one for each job that waits for one or has one.',
        type: 'gauge',
        rows: byPool(({ wanted }) => wanted),
      },
      {
        name: 'airlock_outbox_poll_age_seconds',
        help: 'Since the gate asked last; nothing: it never did.',
        type: 'gauge',
        rows:
          contact === null
            ? []
            : [{ labels: {}, value: Math.max(0, (Date.now() - contact.seenAt.getTime()) / 1000) }],
      },
    ];
  };
}

async function finishedRuns(db: Database): Promise<z.infer<typeof RunRows>> {
  return RunRows.parse(
    await db.$queryRaw`
      with place as (
        select name, private, row_number() over (order by created_at, name) as place from repository)
      select case when place.private then '(private)' when place.place <= ${namedRepositories}::int then place.name
          else '(others)' end as repo, counted.state as result, sum(counted.runs)::bigint as runs
      from (select repository, state, count(*) as runs from run
        where state in ('passed', 'failed', 'cancelled') group by repository, state) counted
      join place on place.name = counted.repository
      group by 1, 2 order by 1, 2`,
  );
}

async function poolsNow(db: Database): Promise<z.infer<typeof PoolRows>> {
  return PoolRows.parse(
    await db.$queryRaw`
      select pool.name as pool, coalesce(jobs.wanted, 0)::bigint as wanted,
        coalesce(greatest(jobs.wait, 0), 0)::float8 as wait,
        (select count(*) from runner where runner.pool = pool.name and runner.state = 'active'
          and runner.last_seen_at > now() - make_interval(secs => ${seenWithinSeconds}::int)) as online
      from pool left join (
        select job.pool, count(*) as wanted, extract(epoch from now() -
            min(greatest(job.created_at, run.admitted_at)) filter (where job.state = 'queued')) as wait
        from job join run on run.id = job.run_id where job.state in ('queued', 'leased') group by job.pool
      ) jobs on jobs.pool = pool.name
      order by pool.name`,
  );
}

/** Of jobs that are over: how long one waited that may be leased again is not known yet. */
async function waitsForRunner(db: Database): Promise<z.infer<typeof TimeRows>> {
  return TimeRows.parse(
    await db.$queryRaw`
      select label, (select count(*) from unnest(${histogramBounds}::float8[]) bound where bound < waited) as bucket,
        count(*) as number, sum(waited)::float8 as seconds
      from (select job.pool as label, greatest(0, extract(epoch from
            job.leased_at - greatest(job.created_at, run.admitted_at)))::float8 as waited
          from job join run on run.id = job.run_id
          where job.finished_at is not null and job.leased_at is not null) waits
      group by 1, 2 order by 1, 2`,
  );
}

async function buildTimes(db: Database): Promise<z.infer<typeof TimeRows>> {
  return TimeRows.parse(
    await db.$queryRaw`
      select label, (select count(*) from unnest(${histogramBounds}::float8[]) bound where bound < took) as bucket,
        count(*) as number, sum(took)::float8 as seconds
      from (select state as label, greatest(0, extract(epoch from finished_at - started_at))::float8 as took
          from run where state in ('passed', 'failed', 'cancelled')
            and started_at is not null and finished_at is not null) builds
      group by 1, 2 order by 1, 2`,
  );
}
