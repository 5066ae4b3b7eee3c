/** The registry of runners. Prepared statements: every call of a runner asks it first. */
import type { DatabasePool } from '@airlock/database/pool';
import { createSql, inTransaction, type Sql } from '@airlock/database/sql';
import type { RunnerKind } from '@airlock/common/wire/runner-enrolment';
import type { EnrolmentRow, RunnerStore } from '../../app/runner-ports.ts';
import { superseded, type RunnerState } from '../../domain/runner.ts';
import { createRunnerQueries } from './runner-queries.ts';

interface EnrolmentColumns {
  readonly id: string;
  readonly runner: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  readonly csr: string;
  readonly key_fingerprint: string;
  readonly address: string;
  readonly networks: string[];
  readonly asked_at: Date;
  readonly state: EnrolmentRow['state'];
  readonly chain: string | null;
}

interface RegistrationColumns {
  readonly id: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  readonly state: RunnerState;
  readonly state_reason: string | null;
  readonly instance: string | null;
  readonly spent_at: Date | null;
  readonly networks: string[];
  readonly platform: string | null;
  readonly retired_why: string | null;
  readonly issued_at: Date;
}

/** Every call of a runner says that it lives; it is written down this often. */
const seenAgainMs = 5_000;

export function createRunnerStore(pool: DatabasePool): RunnerStore {
  const changed = async (text: string, values: unknown[]): Promise<boolean> =>
    ((await pool.query(text, values)).rowCount ?? 0) > 0;
  const seenAt = new Map<string, number>();
  const sql = createSql(pool);

  return {
    ...createRunnerQueries(pool),

    async addToken(token) {
      const { id, hash, runner, pool: named, kind, networks } = token;
      const { createdBy, createdAt, expiresAt } = token;
      await pool.query(
        `insert into runner_token (id, token_hash, runner, pool, kind, networks, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [id, hash, runner, named, kind, networks, createdBy, createdAt, expiresAt],
      );
    },

    async tokenOf(tokenHash, now) {
      const { rows } = await pool.query<{ runner: string; networks: string[] }>(
        'select runner, networks from runner_token where token_hash = $1 and spent_at is null and expires_at > $2',
        [tokenHash, now],
      );
      return rows[0] ?? null;
    },

    async enrol({ id, tokenHash, csr, keyFingerprint, address, now }) {
      const { rows } = await pool.query<EnrolmentColumns>(
        `with token as (
           update runner_token set spent_at = $6
           where token_hash = $2 and spent_at is null and expires_at > $6
           returning id, runner, pool, kind, networks
         )
         insert into runner_enrolment (id, token_id, runner, pool, kind, networks, csr, key_fingerprint, address, asked_at)
         select $1, id, runner, pool, kind, networks, $3, $4, $5, $6 from token returning *`,
        [id, tokenHash, csr, keyFingerprint, address, now],
      );
      return rows[0] === undefined ? null : enrolmentOf(rows[0]);
    },

    async enrolment(id) {
      const { rows } = await pool.query<EnrolmentColumns>(
        'select * from runner_enrolment where id = $1',
        [id],
      );
      return rows[0] === undefined ? null : enrolmentOf(rows[0]);
    },

    async waiting(now) {
      // A day on, whoever asked has gone home.
      const { rows } = await pool.query<EnrolmentColumns>(
        `select * from runner_enrolment where state = 'waiting' and asked_at > $1::timestamptz - interval '1 day'
         order by asked_at limit 50`,
        [now],
      );
      return rows.map(enrolmentOf);
    },

    accept: ({ enrolment, issued, by, now }) =>
      inTransaction(pool, async (tx) => {
        const { id, runner, kind, networks } = enrolment;
        const decided = await tx`
          update runner_enrolment set state = 'accepted', decided_by = ${by}, decided_at = ${now},
            chain = ${issued.chainPem}
          where id = ${id} and state = 'waiting' returning id`;
        if (decided.length !== 1) return false;
        await tx`
          insert into runner (id, pool, kind, state_by, state_at, enrolled_at, networks)
          values (${runner}, ${enrolment.pool}, ${kind}, ${by}, ${now}, ${now}, ${networks})
          on conflict (id) do update set pool = excluded.pool, kind = excluded.kind, state = 'active',
            state_reason = null, state_by = excluded.state_by, state_at = excluded.state_at,
            enrolled_at = excluded.enrolled_at, last_seen_at = null, instance = null, spent_at = null,
            networks = excluded.networks, platform = null, egress = null, egress_count = null`;
        // Superseded ones, too: a copy of one proves nothing any more about a runner that has begun anew.
        await tx`
          update runner_certificate set retired_at = coalesce(retired_at, ${now}),
            retired_why = 'the runner was enrolled again'
          where runner = ${runner} and (retired_at is null or retired_why = ${superseded})`;
        // Whoever held the old certificate may have gone on with its jobs, and whoever comes now does not have them.
        await endLeases(tx, runner);
        await insertCertificate(tx, runner, issued, now);
        return true;
      }),

    refuse: (id, by, now) =>
      changed(
        `update runner_enrolment set state = 'refused', decided_by = $2, decided_at = $3
         where id = $1 and state = 'waiting'`,
        [id, by, now],
      ),

    async registration(fingerprint) {
      const { rows } = await pool.query<RegistrationColumns>({
        name: 'runner-registration',
        text: `select r.id, r.pool, r.kind, r.state, r.state_reason, r.instance, r.spent_at, r.networks, r.platform, c.retired_why, c.issued_at
          from runner_certificate c join runner r on r.id = c.runner where c.fingerprint = $1`,
        values: [fingerprint],
      });
      const [row] = rows;
      if (row === undefined) return null;
      return {
        runner: row.id,
        pool: row.pool,
        kind: row.kind,
        state: row.state,
        stateReason: row.state_reason,
        instance: row.instance,
        spentAt: row.spent_at,
        networks: row.networks,
        platform: row.platform,
        certificate: { retiredWhy: row.retired_why, issuedAt: row.issued_at },
      };
    },

    hello: ({ runner, fingerprint, instance, version, isolation, labels, platform, egress, now }) =>
      inTransaction(pool, async (tx) => {
        await tx`
          update runner set instance = ${instance}, version = ${version}, isolation = ${isolation}, labels = ${labels},
            platform = ${platform}, egress = ${egress?.places}, egress_count = ${egress?.count}, last_seen_at = ${now}
          where id = ${runner}`;
        await tx`
          update runner_certificate set retired_at = ${now}, retired_why = ${superseded}
          where runner = ${runner} and fingerprint <> ${fingerprint} and retired_at is null`;
      }),

    addCertificate: (runner, issued, now) => insertCertificate(sql, runner, issued, now),

    async seen(runner, now) {
      const since = now.getTime() - (seenAt.get(runner) ?? -Infinity);
      if (since >= 0 && since < seenAgainMs) return;
      await pool.query({
        name: 'runner-seen',
        text: 'update runner set last_seen_at = $2 where id = $1 and (last_seen_at is null or last_seen_at < $2)',
        values: [runner, now],
      });
      seenAt.set(runner, now.getTime());
    },

    async spend(runner, now) {
      const spent = await sql`
        update runner set last_seen_at = ${now}, spent_at = case when kind = 'once' then ${now}::timestamptz end
        where id = ${runner} and state = 'active' and spent_at is null returning id`;
      return spent.length === 1;
    },

    change: ({ runner, from, to, reason, by, now }) =>
      changed(
        `update runner set state = $3, state_reason = $4, state_by = $5, state_at = $6
         where id = $1 and state = any ($2)`,
        [runner, from, to, reason, by, now],
      ),

    async retireAll(runner, why, now) {
      await pool.query(
        'update runner_certificate set retired_at = $3, retired_why = $2 where runner = $1 and retired_at is null',
        [runner, why, now],
      );
    },

    endLeases: (runner) => endLeases(sql, runner),

    async giveBack(jobId, runner) {
      await pool.query(
        `update job set lease_expires_at = now() - interval '1 second'
         where id = $1 and runner = $2 and state = 'leased'`,
        [jobId, runner],
      );
    },

    async taint({ runner, since, reason, by, now }) {
      const { rowCount } = await pool.query(
        `insert into run_taint (run_id, runner, reason, marked_by, marked_at)
         select distinct run_id, $1, $3, $4, $5::timestamptz from job where runner = $1 and heartbeat_at >= $2
         on conflict (run_id) do nothing`,
        [runner, since, reason, by, now],
      );
      return rowCount ?? 0;
    },

    async notSeenSince(before) {
      const { rows } = await pool.query<{ id: string }>(
        `select id from runner where state in ('active', 'draining') and coalesce(last_seen_at, enrolled_at) < $1
         order by id`,
        [before],
      );
      return rows.map(({ id }) => id);
    },

    remove: (runner) => changed('delete from runner where id = $1', [runner]),

    async record({ runner, kind, text, person, at }) {
      await pool.query(
        'insert into runner_event (runner, kind, text, person, at) values ($1, $2, $3, $4, $5)',
        [runner, kind, text, person, at],
      );
    },

    recordHourly: ({ runner, kind, text, person, at }) =>
      changed(
        `insert into runner_event (runner, kind, text, person, at) select $1, $2, $3, $4, $5::timestamptz
         where not exists (select from runner_event
           where runner = $1 and kind = $2 and at > $5::timestamptz - interval '1 hour')`,
        [runner, kind, text, person, at],
      ),
  };
}

/** @returns how many there were. */
async function endLeases(sql: Sql, runner: string): Promise<number> {
  const ended = await sql`
    update job set lease_expires_at = now() - interval '1 second' where runner = ${runner} and state = 'leased'
    returning id`;
  return ended.length;
}

async function insertCertificate(
  sql: Sql,
  runner: string,
  issued: { readonly fingerprint: string; readonly serial: string; readonly notAfter: Date },
  now: Date,
): Promise<void> {
  await sql`
    insert into runner_certificate (fingerprint, runner, serial, issued_at, not_after)
    values (${issued.fingerprint}, ${runner}, ${issued.serial}, ${now}, ${issued.notAfter})`;
}

function enrolmentOf(row: EnrolmentColumns): EnrolmentRow {
  return {
    id: row.id,
    runner: row.runner,
    pool: row.pool,
    kind: row.kind,
    csr: row.csr,
    keyFingerprint: row.key_fingerprint,
    address: row.address,
    networks: row.networks,
    askedAt: row.asked_at,
    state: row.state,
    chain: row.chain,
  };
}
