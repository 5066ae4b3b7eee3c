/** Runners as people look at them. */
import type { DatabasePool } from '@airlock/database/pool';
import type { RunnerKind } from '@airlock/common/wire/runner-enrolment';
import type { RunnerEvent, RunnerStore, RunnerSummary } from '../../app/runner-ports.ts';
import type { ToldEgress } from '../../domain/pool-egress.ts';
import { platformOf, takesOneJob, type Pool } from '../../domain/pool.ts';
import { misfitOf, type RunnerState } from '../../domain/runner.ts';

interface SummaryColumns {
  readonly id: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  readonly state: RunnerState;
  readonly state_reason: string | null;
  readonly state_by: string | null;
  readonly state_at: Date;
  readonly enrolled_at: Date;
  readonly last_seen_at: Date | null;
  readonly version: string | null;
  readonly isolation: string | null;
  readonly labels: string[];
  readonly platform: string | null;
  readonly egress: string[] | null;
  readonly egress_count: number | null;
  readonly spent_at: Date | null;
  readonly networks: string[];
  readonly serial: string | null;
  readonly fingerprint: string;
  readonly issued_at: Date;
  readonly not_after: Date;
  readonly job_id: string | null;
  readonly job_run_id: string;
  /** Null: no such pool is kept. */
  readonly rule: Pick<Pool, 'trust' | 'once' | 'reuse' | 'labels'> | null;
}

const summaries = `select r.*, c.serial, c.fingerprint, c.issued_at, c.not_after, j.id as job_id, j.run_id as job_run_id,
    case when p.name is not null
      then json_build_object('trust', p.trust, 'once', p.once, 'reuse', p.reuse, 'labels', p.labels) end as rule
  from runner r
  left join pool p on p.name = r.pool
  left join lateral (select * from runner_certificate where runner = r.id and retired_at is null
    order by issued_at desc limit 1) c on true
  left join lateral (select id, run_id from job where runner = r.id and state = 'leased' limit 1) j on true`;

export function createRunnerQueries(
  pool: DatabasePool,
): Pick<RunnerStore, 'list' | 'find' | 'events' | 'runs' | 'barred'> {
  return {
    async list() {
      const { rows } = await pool.query<SummaryColumns>(`${summaries} order by r.pool, r.id`);
      return rows.map(summaryOf);
    },

    async find(id) {
      const { rows } = await pool.query<SummaryColumns>(`${summaries} where r.id = $1`, [id]);
      return rows[0] === undefined ? null : summaryOf(rows[0]);
    },

    async events(runner, limit) {
      const { rows } = await pool.query<RunnerEvent>(
        'select kind, text, person, at from runner_event where runner = $1 order by id desc limit $2',
        [runner, limit],
      );
      return rows;
    },

    async runs(runner, limit) {
      const { rows } = await pool.query<{
        run_id: string;
        repository: string;
        number: string;
        subject: string;
        at: Date;
        tainted: boolean;
        candidate_id: string | null;
      }>(
        `select run.id as run_id, run.repository, run.number, run.subject, max(job.heartbeat_at) as at,
           exists (select from run_taint where run_id = run.id) as tainted, candidate.id as candidate_id
         from job join run on run.id = job.run_id left join candidate on candidate.run_id = run.id
         where job.runner = $1 and job.heartbeat_at is not null
         group by run.id, candidate.id order by at desc limit $2`,
        [runner, limit],
      );
      return rows.map((row) => ({
        runId: row.run_id,
        repository: row.repository,
        number: Number(row.number),
        subject: row.subject,
        at: row.at,
        tainted: row.tainted,
        candidateId: row.candidate_id,
      }));
    },

    async barred(runners) {
      const { rows } = await pool.query<{ id: string }>(
        `select id from unnest($1::text[]) as connected (id)
         where not exists (select from runner where runner.id = connected.id and state in ('active', 'draining'))`,
        [runners],
      );
      return rows.map(({ id }) => id);
    },
  };
}

function egressOf({
  egress,
  egress_count: count,
}: Pick<SummaryColumns, 'egress' | 'egress_count'>): ToldEgress | null {
  return egress === null || count === null ? null : { places: egress, count };
}

function summaryOf(row: SummaryColumns): RunnerSummary {
  return {
    id: row.id,
    pool: row.pool,
    kind: row.kind,
    state: row.state,
    stateReason: row.state_reason,
    stateBy: row.state_by,
    stateAt: row.state_at,
    enrolledAt: row.enrolled_at,
    lastSeenAt: row.last_seen_at,
    version: row.version,
    isolation: row.isolation,
    labels: row.labels,
    platform: row.platform,
    egress: egressOf(row),
    spentAt: row.spent_at,
    networks: row.networks,
    certificate:
      row.serial === null
        ? null
        : {
            serial: row.serial,
            fingerprint: row.fingerprint,
            issuedAt: row.issued_at,
            notAfter: row.not_after,
          },
    job: row.job_id === null ? null : { id: row.job_id, runId: row.job_run_id },
    misfit:
      row.rule === null
        ? null
        : misfitOf(
            { runner: row.id, pool: row.pool, kind: row.kind, platform: row.platform },
            { once: takesOneJob(row.rule), platform: platformOf(row.rule) },
          ),
  };
}
