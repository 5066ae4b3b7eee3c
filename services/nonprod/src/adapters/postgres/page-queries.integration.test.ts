import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { candidate, startRun } from '../../testing/fixtures.ts';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { ensurePool } from '../../testing/fleet.ts';
import type { Database, Transaction } from './client.ts';
import { createJobStore } from './job-store.ts';
import { createPageQueries } from './page-queries.ts';

const shown = 20;
/** Whoever looks may see everything else. */
const hidden = ['shop/secret'];
/** What one look may read of a table: the rows that it shows, and a few on the way to each. */
const mostRows = 5 * shown;

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
  const id = await candidate(database);
  const owner = database.as('owner');
  await owner.$executeRaw`
    insert into run (id, repository, ref, branch, event, commit, subject, author_name, author_email, state, created_at)
    select 'run_m' || n, 'shop/web', 'refs/heads/' || n % 1000, 'b', 'push', lpad(to_hex(n), 40, '0'), '', '', '',
      'passed', now() - n * interval '1 second' from generate_series(1, 100000) as n`;
  await owner.$executeRaw`
    insert into candidate (id, run_id, builder, release, artifact_name, artifact_digest, artifact_size, targets,
      provenance, provenance_payload_digest, test_result, created_at)
    select 'cand_m' || n, 'run_m' || n, case when n % 10 = 0 then 'main' else 'pr' end,
      case when n % 10 = 0 then 'r' || n end, 'a', 'b', 1, '{}', '{}', 'c',
      case when n % 10 = 0 then '{}' end, now() - n * interval '1 second'
    from generate_series(1, 10000) as n`;
  await owner.$executeRaw`
    insert into promotion_request (id, candidate_id, target, reason, requester_id, requester_idp, requester_name,
      requested_at, state)
    select 'prq_m' || n, case when n % 1000 = 0 then ${id} else 'cand_m' || n end, 'prod', '', 'd', 'i', 'D',
      now() - n * interval '1 second', 'refused' from generate_series(1, 10000) as n`;
  await owner.$executeRawUnsafe('vacuum analyze');
});
after(() => database.close());

/** Rows of the table that the look read, by whatever plan. */
async function rowsRead(table: string, look: (db: Database) => Promise<unknown>): Promise<number> {
  return await database.as('nonprod_web').$transaction(async (tx: Transaction) => {
    const read = async (): Promise<number> => {
      const [row] = await tx.$queryRaw<{ rows: number }[]>`
        select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
        from pg_stat_xact_user_tables where relname = ${table}`;
      return row?.rows ?? 0;
    };
    const began = await read();
    // The queries know nothing of transactions; they are made in this one, which counts.
    await look(tx as Database);
    return (await read()) - began;
  });
}

const lists = {
  candidate: (db: Database) => createPageQueries(db).candidates(shown, hidden),
  promotion_request: (db: Database) => createPageQueries(db).promotions(shown, hidden),
  run: (db: Database) => createPageQueries(db).runs(shown, { hidden }),
};

for (const [table, look] of Object.entries(lists)) {
  test(`among 100,000 runs and 10,000 candidates and requests, the list of ${table} reads what it shows and a few`, async () => {
    const rows = await rowsRead(table, look);
    assert.ok(rows >= shown && rows <= mostRows, `${rows} rows were read`);
  });
}

test('the newest run of a main branch that nobody built yet is looked for in no more than a few rows', async () => {
  const rows = await rowsRead('run', (db) => createPageQueries(db).lastMainRun('unborn', hidden));
  assert.ok(rows <= mostRows, `${rows} rows were read`);
});

test('the run before the first of a ref, which every claim looks for, is looked for in an index of the ref', async () => {
  await startRun(database, { pool: 'first', ref: 'refs/heads/never-seen' });
  const plan = await database.as('owner').$queryRaw<{ 'QUERY PLAN': string }[]>`
    explain select commit from run
    where repository = 'shop/web' and ref = 'refs/heads/never-seen' and number < 1000000 order by number desc limit 1`;
  assert.match(JSON.stringify(plan), /run_of_ref/);
  const jobs = createJobStore(database.as('nonprod_web'));
  const claimed = await jobs.claim({ runner: 'r', pool: 'first', leaseSeconds: 60 });
  assert.equal(claimed?.run.previous, null);
});

test('a queued job says when no runner of its pool could take it, and no more once one could', async () => {
  await ensurePool(database, 'manned');
  const owner = database.as('owner');
  await owner.pool.updateMany({
    where: { name: 'manned' },
    data: { labels: { platform: 'linux/arm64' } },
  });
  const { id } = await startRun(database, { pool: 'manned' });
  const reason = async (): Promise<string | null | undefined> =>
    (await createPageQueries(database.as('nonprod_web')).run(id))?.jobs[0]?.reason;
  const none = /^No runner on linux\/arm64 of the pool manned that takes jobs has been heard of/;
  assert.match((await reason()) ?? '', none);
  const at = new Date();
  await owner.runner.create({
    data: {
      ...{ id: 'man', pool: 'manned', kind: 'once', stateAt: at, enrolledAt: at, lastSeenAt: at },
      platform: 'linux/arm64',
    },
  });
  assert.equal(await reason(), null);
  for (const unable of [
    { platform: 'linux/amd64' },
    { platform: null },
    { state: 'draining' },
    { lastSeenAt: new Date(at.getTime() - 130_000) },
    { spentAt: at },
    { pool: 'elsewhere' },
  ]) {
    await owner.runner.update({ where: { id: 'man' }, data: unable });
    assert.match((await reason()) ?? '', none, JSON.stringify(unable));
    const able = { platform: 'linux/arm64', state: 'active', lastSeenAt: at, spentAt: null };
    await owner.runner.update({ where: { id: 'man' }, data: { ...able, pool: 'manned' } });
    assert.equal(await reason(), null);
  }
  await owner.runner.update({ where: { id: 'man' }, data: { platform: null } });
  await owner.pool.updateMany({ where: { name: 'manned' }, data: { labels: { platform: '*' } } });
  assert.equal(await reason(), null);
});
