/** The registry of runners. Prepared statements: every call of a runner asks it first. */
import type { DatabaseConnection, DatabasePool } from '@airlock/database/pool';
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

const endLeases = `update job set lease_expires_at = now() - interval '1 second' where runner = $1 and state = 'leased'`;

/** Every call of a runner says that it lives; it is written down this often. */
const seenAgainMs = 5_000;

export function createRunnerStore(pool: DatabasePool): RunnerStore {
  const changed = async (text: string, values: unknown[]): Promise<boolean> =>
    ((await pool.query(text, values)).rowCount ?? 0) > 0;
  const seenAt = new Map<string, number>();

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
        const decided = await tx.query(
          `update runner_enrolment set state = 'accepted', decided_by = $2, decided_at = $3, chain = $4
           where id = $1 and state = 'waiting'`,
          [enrolment.id, by, now, issued.chainPem],
        );
        if (decided.rowCount !== 1) return false;
        await tx.query(
          `insert into runner (id, pool, kind, state_by, state_at, enrolled_at, networks) values ($1, $2, $3, $4, $5, $5, $6)
           on conflict (id) do update set pool = $2, kind = $3, state = 'active', state_reason = null, state_by = $4,
             state_at = $5, enrolled_at = $5, last_seen_at = null, instance = null, spent_at = null, networks = $6,
             platform = null, egress = null, egress_count = null`,
          [enrolment.runner, enrolment.pool, enrolment.kind, by, now, enrolment.networks],
        );
        await tx.query(
          // Superseded ones, too: a copy of one proves nothing any more about a runner that has begun anew.
          `update runner_certificate set retired_at = coalesce(retired_at, $2), retired_why = 'the runner was enrolled again'
           where runner = $1 and (retired_at is null or retired_why = $3)`,
          [enrolment.runner, now, superseded],
        );
        // Whoever held the old certificate may have gone on with its jobs, and whoever comes now does not have them.
        await tx.query(endLeases, [enrolment.runner]);
        await insertCertificate(tx, enrolment.runner, issued, now);
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
        await tx.query(
          `update runner set instance = $2, version = $3, isolation = $4, labels = $5, platform = $6, egress = $7, egress_count = $8, last_seen_at = $9 where id = $1`,
          [
            runner,
            instance,
            version,
            isolation,
            labels,
            platform,
            egress?.places,
            egress?.count,
            now,
          ],
        );
        await tx.query(
          `update runner_certificate set retired_at = $3, retired_why = $4
           where runner = $1 and fingerprint <> $2 and retired_at is null`,
          [runner, fingerprint, now, superseded],
        );
      }),

    addCertificate: (runner, issued, now) => insertCertificate(pool, runner, issued, now),

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

    spend: (runner, now) =>
      changed(
        `update runner set last_seen_at = $2, spent_at = case when kind = 'once' then $2::timestamptz end
         where id = $1 and state = 'active' and spent_at is null`,
        [runner, now],
      ),

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

    async endLeases(runner) {
      const { rowCount } = await pool.query(endLeases, [runner]);
      return rowCount ?? 0;
    },

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

async function insertCertificate(
  connection: Pick<DatabaseConnection, 'query'>,
  runner: string,
  issued: { readonly fingerprint: string; readonly serial: string; readonly notAfter: Date },
  now: Date,
): Promise<void> {
  await connection.query(
    `insert into runner_certificate (fingerprint, runner, serial, issued_at, not_after) values ($1, $2, $3, $4, $5)`,
    [issued.fingerprint, runner, issued.serial, now, issued.notAfter],
  );
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

async function inTransaction<T>(
  pool: DatabasePool,
  work: (tx: DatabaseConnection) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  let fault: unknown;
  try {
    await tx.query('begin');
    const result = await work(tx);
    await tx.query('commit');
    return result;
  } catch (cause) {
    fault = cause;
    await tx.query('rollback').catch(() => undefined);
    throw cause;
  } finally {
    // A connection whose transaction failed half-way is not given to the next.
    tx.release(fault !== undefined);
  }
}
