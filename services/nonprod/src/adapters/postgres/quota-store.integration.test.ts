import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inTransaction } from '@airlock/database/sql';
import { testPostgres } from '@airlock/testkit/stack';
import { createAdmitRuns } from '../../app/admit-runs.ts';
import type { NewRun } from '../../app/ports.ts';
import type { Admission } from '../../domain/quota.ts';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { newRun, passedReport } from '../../testing/fixtures.ts';
import { createCancelStore } from './cancel-store.ts';
import { createHeadStore } from './head-store.ts';
import { nextJob } from './job-queue.ts';
import { createJobStore } from './job-store.ts';
import { createQuotaStore } from './quota-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const free: Admission = { runsAtOnce: null, runsAPersonAnHour: null };
const asked = (id: string): NewRun['person'] => ({ id, by: 'asked' });

async function start(
  name: string,
  limits: Admission,
  change: Partial<NewRun> & { readonly pool?: string } = {},
): Promise<NewRun> {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  const run = newRun({ repository: name, pool: name.replaceAll('/', '-'), limits, ...change });
  assert.ok(await heads.advance(name, { ref: run.ref, commit: run.commit }, run));
  return run;
}

async function repository(name: string): Promise<void> {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.ensureRepository({ name, url: `https://git.example/${name}.git` });
}

const stateOf = ({ id }: Pick<NewRun, 'id'>) =>
  database.as('owner').run.findUniqueOrThrow({
    where: { id },
    select: { state: true, reason: true, admittedAt: true },
  });

/** Of these repositories; other tests' runs go on waiting. */
async function letIn(limits: Admission, ...names: string[]): Promise<string[]> {
  const rung: string[] = [];
  await createAdmitRuns({
    store: createQuotaStore(database.as('nonprod_scheduler')),
    quotas: {
      admission: (name) => (names.includes(name) ? limits : { ...limits, runsAtOnce: 0 }),
    },
    jobs: { ring: (id) => rung.push(id) },
  })();
  return rung;
}

const claim = (pool: string) =>
  createJobStore(database.as('nonprod_web')).claim({ runner: 'r', pool, leaseSeconds: 600 });

async function end(claimed: NonNullable<Awaited<ReturnType<typeof claim>>>): Promise<void> {
  const { jobId, lease } = claimed;
  await createJobStore(database.as('nonprod_web')).finish(
    { jobId, lease, runner: 'r' },
    passedReport(lease),
    { outcome: 'passed' },
  );
}

test('beyond its runs at once a repository’s run waits, says for what, and begins when one has ended', async () => {
  const limits = { ...free, runsAtOnce: 2 };
  await repository('quota/web');
  const runs = [];
  for (let n = 0; n < 4; n += 1) runs.push(await start('quota/web', limits));
  const [first, second, third, fourth] = runs;
  assert.ok(first && second && third && fourth);
  const waits = await stateOf(third);
  assert.deepEqual([waits.state, waits.admittedAt], ['queued', null]);
  assert.match(waits.reason ?? '', /^Waits: 2 runs of quota\/web .* and 2 may be at once/);
  const [one, two] = [await claim('quota-web'), await claim('quota-web')];
  assert.ok(one && two);
  assert.equal(await claim('quota-web'), null, 'no more than two are in line');
  assert.deepEqual(await letIn(limits, 'quota/web'), [], 'there is no room yet');
  await end(one);
  assert.deepEqual(
    await letIn(limits, 'quota/web'),
    [third.id],
    'the oldest comes first, and one alone',
  );
  assert.deepEqual((await stateOf(third)).reason, null);
  assert.equal((await claim('quota-web'))?.runId, third.id);
  assert.equal((await stateOf(fourth)).admittedAt, null);
  await end(two);
  assert.deepEqual(await letIn(limits, 'quota/web'), [fourth.id]);
});

test('runs that are started side by side are never more at once than may be', async () => {
  await repository('quota/side');
  const limits = { ...free, runsAtOnce: 3 };
  const runs = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      start('quota/side', limits, { ref: `refs/heads/${n}`, branch: String(n) }),
    ),
  );
  const states = await Promise.all(runs.map(stateOf));
  assert.equal(states.filter(({ admittedAt }) => admittedAt !== null).length, 3);
});

test('a person’s hour is over all repositories, frees one by one, and no commit uses up somebody else’s', async () => {
  const limits = { ...free, runsAPersonAnHour: 2 };
  await repository('quota/one');
  await repository('quota/two');
  const first = await start('quota/one', limits, { person: asked('ann') });
  await start('quota/two', limits, { person: { id: 'ann', by: 'linked' } });
  const third = await start('quota/one', limits, { person: asked('ann') });
  const claimed = await start('quota/one', limits, { person: { id: 'ann', by: 'author' } });
  const bob = await start('quota/one', limits, { person: asked('bob') });
  assert.match((await stateOf(third)).reason ?? '', /^Waits: ann started 2 runs within an hour/);
  for (const run of [claimed, bob]) assert.notEqual((await stateOf(run)).admittedAt, null);
  assert.deepEqual(await letIn(limits, 'quota/one', 'quota/two'), []);
  await database.as('owner').run.update({
    where: { id: first.id },
    data: { admittedAt: new Date(Date.now() - 3_601_000) },
  });
  assert.deepEqual(await letIn(limits, 'quota/one', 'quota/two'), [third.id]);
  const fourth = await start('quota/one', limits, { person: asked('ann') });
  assert.equal((await stateOf(fourth)).admittedAt, null);
});

test('a run that waits for room can be cancelled, and is let in no more', async () => {
  await repository('quota/cancel');
  const limits = { ...free, runsAtOnce: 1 };
  const first = await start('quota/cancel', limits);
  const second = await start('quota/cancel', limits);
  const cancels = createCancelStore(database.as('nonprod_web'));
  await cancels.cancel(second.id, { id: 'dana', name: 'Dana' });
  await cancels.cancel(first.id, { id: 'dana', name: 'Dana' });
  assert.ok(!(await letIn(limits, 'quota/cancel')).includes(second.id));
  assert.equal((await stateOf(second)).state, 'cancelled');
});

test('what a repository uses of line and store is counted for it alone', async () => {
  const name = 'quota/use';
  await repository(name);
  const runs = [await start(name, free), await start(name, free)];
  const owner = database.as('owner');
  await owner.artifact.createMany({
    data: runs.map(({ id }) => ({ runId: id, lease: 1, name: 'a', digest: 'ab', size: 1000 })),
  });
  await owner.job.updateMany({ where: { repository: name }, data: { logBytes: 10 } });
  await owner.cacheEntry.create({
    data: {
      ...{ repository: name, level: 0, key: 'ab'.repeat(32), digest: 'cd'.repeat(32) },
      ...{ size: 200, writtenBy: runs[0]?.jobs[0]?.id ?? '' },
    },
  });
  const store = createQuotaStore(database.as('nonprod_scheduler'));
  const use = await store.use(name, true);
  assert.deepEqual([use.queued, use.storedBytes], [2, 1220]);
  assert.ok(use.waiting > use.queued && use.repositories > 1);
  assert.equal((await store.use('quota/none', false)).queued, 0);
});

test('of 3,000 people each waits behind one run of a flooder at most, who has 2,000 in a repository of others', async () => {
  const [pool, repositories, people, flood] = ['crowd', 300, 3000, 2000];
  const owner = database.as('owner');
  await owner.$executeRaw`
    insert into repository (name, url, clone_url)
    select 'crowd/' || n, 'x', 'x' from generate_series(0, ${repositories}::int - 1) as n`;
  const insert = async (from: number, to: number, name: string, who: string): Promise<void> => {
    await owner.$executeRaw`
      insert into run (id, repository, ref, branch, event, commit, subject, author_name, author_email, state,
        admitted_at, person, person_by)
      select 'run_crowd' || n, replace(${name}, '?', (n % ${repositories}::int)::text), 'refs/heads/' || n, 'b', 'push',
        lpad(to_hex(n), 40, '0'), '', '', '', 'queued', now(), replace(${who}, '?', n::text), 'asked'
      from generate_series(${from}::int, ${to}::int - 1) as n`;
    await owner.$executeRaw`
      insert into job (id, run_id, position, workflow, instance, pool, state, repository)
      select 'job_crowd' || n, 'run_crowd' || n, 0, 'w', 0, ${pool}, 'queued', run.repository
      from generate_series(${from}::int, ${to}::int - 1) as n join run on run.id = 'run_crowd' || n order by n`;
  };
  // The flooder is there first, in a repository that ten others share.
  await insert(0, flood, 'crowd/7', 'flooder');
  await insert(flood, flood + people, 'crowd/?', 'person-?');
  const places = async (): Promise<number[]> => {
    const rows = await owner.$queryRaw<{ person: string; place: number }[]>`
      select run.person, (row_number() over (order by job.turn, job.created_at))::int as place
      from job join run on run.id = job.run_id where job.pool = ${pool} and job.state = 'queued'`;
    return rows
      .filter(({ person }) => person !== 'flooder')
      .map(({ place }) => place)
      .sort((a, b) => a - b);
  };
  const others = await places();
  assert.equal(others.length, people);
  // Without the flooder they would stand at 1 to 3,000.
  assert.equal(others[people * 0.95 - 1], people * 0.95 + 1, 'p95 of the others');
  assert.equal(others.at(-1), people + 1);

  const take = (count: number): Promise<string[]> =>
    inTransaction(database.poolOf('nonprod_web'), async (sql) => {
      const taken: string[] = [];
      while (taken.length < count) {
        const id = (await nextJob(sql, pool)) ?? '';
        await sql`update job set state = 'leased' where id = ${id}`;
        taken.push(id);
      }
      return taken;
    });
  const isFlooder = (id: string): boolean => Number(id.slice('job_crowd'.length)) < flood;
  const taken = await take(300);
  assert.ok(taken.filter(isFlooder).length <= 1, 'claims go by those places');
  // Whoever comes while the flood waits stands in this round, and not behind it.
  await insert(flood + people, flood + people + 1, 'crowd/7', 'late');
  assert.equal((await places()).at(-1), people + 1 - 300 + 1);
});
