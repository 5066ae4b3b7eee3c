import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import { inTransaction } from '@airlock/database/sql';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { newRun, passedReport } from '../../testing/fixtures.ts';
import { createHeadStore } from './head-store.ts';
import { nextJob } from './job-queue.ts';
import { createJobStore } from './job-store.ts';
import { createPoolStore } from './pool-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const jobs = () => createJobStore(database.as('nonprod_web'));

async function start(
  name: string,
  pool: string,
  concurrency: { limit: number; group: string | null } | null = null,
): Promise<void> {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.ensureRepository({ name, url: `https://git.example/${name}.git` });
  const plan = runPlan([planStep('test')]);
  const [workflow] = plan.workflows;
  assert.ok(workflow !== undefined);
  const run = newRun({
    ...{ repository: name, pool },
    plan: { ...plan, workflows: [{ ...workflow, concurrency }] },
  });
  await heads.advance(name, { ref: run.ref, commit: run.commit }, run);
}

const claim = async (pool: string): Promise<string | null> =>
  (await jobs().claim({ runner: 'r', pool, leaseSeconds: 60 }))?.run.repository ?? null;

test('a repository that asked for much waits behind those that asked for little', async () => {
  for (let n = 0; n < 20; n += 1) await start('fair/flood', 'fair');
  assert.equal(await claim('fair'), 'fair/flood');
  assert.equal(await claim('fair'), 'fair/flood');
  await start('fair/small', 'fair');
  await start('fair/other', 'fair');
  const next = [await claim('fair'), await claim('fair'), await claim('fair')];
  assert.deepEqual(next.sort(), ['fair/flood', 'fair/other', 'fair/small']);
});

test('of a group no more run at once than its workflow says, in whatever pools and however many ask', async () => {
  for (const pool of ['left', 'right', 'left', 'right']) {
    await start('group/web', pool, { limit: 1, group: 'deploy' });
  }
  await start('group/other', 'left', { limit: 1, group: 'deploy' });
  const claims = await Promise.all(
    ['left', 'right', 'left', 'right', 'left', 'right'].map((pool) =>
      jobs().claim({ runner: 'r', pool, leaseSeconds: 60 }),
    ),
  );
  const given = claims.filter((each) => each !== null);
  assert.deepEqual(given.map(({ run }) => run.repository).sort(), ['group/other', 'group/web']);
  const [web] = given.filter(({ run }) => run.repository === 'group/web');
  assert.ok(web !== undefined);
  const proof = { jobId: web.jobId, lease: web.lease, runner: 'r' };
  await jobs().finish(proof, passedReport(web.lease), { outcome: 'passed' });
  assert.equal((await claim('left')) ?? (await claim('right')), 'group/web');
});

test('a pool runs no more jobs at once than it is set to', async () => {
  await createPoolStore(database.as('nonprod_web')).save(
    {
      ...{
        name: 'narrow',
        trust: 0,
        isolation: 'none',
        once: true,
        reuse: null,
        everyone: true,
        egress: null,
      },
      ...{ images: [], labels: {}, repositories: [], concurrency: 2 },
    },
    0,
    'pat',
  );
  for (let n = 0; n < 5; n += 1) await start('narrow/web', 'narrow');
  const claims = await Promise.all(Array.from({ length: 5 }, () => claim('narrow')));
  assert.equal(claims.filter((each) => each !== null).length, 2);
});

test('among 100,000 ended and 5,000 queued jobs a claim looks at no more than 20', async () => {
  await start('many/web', 'many');
  const owner = database.as('owner');
  await owner.$executeRaw`
    insert into repository (name, url, clone_url)
    select 'many/' || n, 'https://git.example/many/' || n, 'x' from generate_series(0, 99) as n`;
  await owner.$executeRaw`
    insert into run (id, repository, ref, branch, event, commit, subject, author_name, author_email, state)
    select 'run_m' || n, 'many/' || n % 100, 'refs/heads/' || n, 'b', 'push', lpad(to_hex(n), 40, '0'), '', '', '',
      case when n < 100000 then 'passed' else 'queued' end from generate_series(0, 104999) as n`;
  await owner.$executeRaw`
    insert into job (id, run_id, position, workflow, instance, pool, state, outcome, repository)
    select 'job_m' || n, 'run_m' || n, 0, 'w', 0, 'many', case when n < 100000 then 'finished' else 'queued' end,
      case when n < 100000 then 'passed' end, 'many/' || n % 100 from generate_series(0, 104999) as n`;
  await owner.$executeRaw`vacuum analyze job`;
  const lookedAt = (): Promise<number> =>
    inTransaction(database.poolOf('nonprod_web'), async (sql) => {
      assert.notEqual(await nextJob(sql, 'many'), null);
      const [row] = await sql<{ rows: number }>`
        select (seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables where relname = 'job'`;
      return row?.rows ?? Infinity;
    });
  // The first look after the vacuum reads some rows more, 20 to 30 as measured; every later one is what claims cost.
  await lookedAt();
  const looked = await lookedAt();
  // Time would say the same only on a machine that does nothing else.
  assert.ok(looked <= 20, `${looked} rows were looked at`);
});
