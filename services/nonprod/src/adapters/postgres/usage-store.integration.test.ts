import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RunEvent } from '@airlock/common/wire/runner-protocol';
import { testPostgres } from '@airlock/testkit/stack';
import fc from 'fast-check';
import type { UsageFilter } from '../../app/usage-ports.ts';
import { triggerOf } from '../../domain/budget.ts';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { artifact, newRun, passedReport } from '../../testing/fixtures.ts';
import { createBudgetStore } from './budget-store.ts';
import { createCancelStore } from './cancel-store.ts';
import { createGroupStore } from './group-store.ts';
import { createHeadStore } from './head-store.ts';
import { createJobStore } from './job-store.ts';
import { createLeaseSweeper } from './lease-sweeper.ts';
import { createLogPolicyStore } from './log-policy-store.ts';
import { createRunPeople } from './run-people.ts';
import { createUsageStore } from './usage-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const repositories = ['usage/a', 'usage/b', 'usage/c'];
const people = ['dana@example.com', 'leo@example.com', null];
const pools = ['usage-small', 'usage-big'];
const all: UsageFilter = {
  ...{ since: '2000-01-01', until: '2100-01-01' },
  ...{ repository: null, person: null, group: null, hidden: [] },
};
const sums = (filter: Partial<UsageFilter> = {}) =>
  createUsageStore(database.as('nonprod_web')).sums({ ...all, ...filter });
const at = <Value>(values: readonly Value[], index: number): Value => {
  const value = values[index];
  if (value === undefined) throw new Error('no such value');
  return value;
};

/** What became of one job: how long its runners had it, and how it ended. */
const fate = fc.record({
  repository: fc.nat({ max: 2 }),
  person: fc.nat({ max: 2 }),
  pool: fc.nat({ max: 1 }),
  event: fc.constantFrom(...RunEvent.options),
  held: fc.nat({ max: 5000 }),
  lost: fc.option(fc.nat({ max: 5000 }), { nil: null }),
  end: fc.constantFrom('finished', 'swept', 'cancelled', 'still-runs'),
});
type Fate = typeof fate extends fc.Arbitrary<infer Value> ? Value : never;

async function live({ repository, person, pool, event, held, lost, end }: Fate): Promise<void> {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  const jobs = createJobStore(database.as('nonprod_web'));
  const name = at(repositories, repository);
  const id = people[person] ?? null;
  const run = newRun({
    ...{ repository: name, event, pool: at(pools, pool) },
    person: id === null ? null : { id, by: 'asked' },
  });
  await heads.advance(name, { ref: run.ref, commit: run.commit }, run);
  const claim = async () => {
    const claimed = await jobs.claim({ runner: 'r', pool: at(pools, pool), leaseSeconds: 60 });
    assert.equal(claimed?.runId, run.id);
    return { jobId: claimed.jobId, lease: claimed.lease, runner: 'r' };
  };
  const passTime = (seconds: number, isOver: boolean) =>
    database.as('owner').$executeRaw`
      update job set leased_at = leased_at - make_interval(secs => ${seconds}::int),
        lease_expires_at = case when ${isOver} then now() - interval '1 second' else lease_expires_at end
      where run_id = ${run.id}`;
  const sweep = () => createLeaseSweeper(database.as('nonprod_scheduler')).sweep();
  if (lost !== null) {
    await claim();
    await passTime(lost, true);
    await sweep();
  }
  const proof = await claim();
  await passTime(held, end === 'swept' || end === 'cancelled');
  if (end === 'finished')
    await jobs.finish(proof, passedReport(proof.lease), { outcome: 'passed' });
  if (end === 'cancelled') {
    await createCancelStore(database.as('nonprod_web')).cancel(run.id, { id: 'x', name: 'X' });
  }
  if (end === 'swept' || end === 'cancelled') await sweep();
  // A job that goes round once more is somebody's again: it ends for good here.
  await database.as('owner').$executeRaw`
    update job set state = 'finished', outcome = 'failed', finished_at = now()
    where run_id = ${run.id} and state = 'queued'`;
}

/** Seconds by key over every job there is, in the plainest way. */
async function byHand(key: (job: { repository: string; pool: string; person: string }) => string) {
  const rows = await database.as('owner').job.findMany({ include: { run: true } });
  const found = new Map<string, number>();
  for (const { repository, pool, seconds, run } of rows) {
    const name = key({ repository, pool, person: run.person ?? '' });
    found.set(name, (found.get(name) ?? 0) + Number(seconds));
  }
  return new Map([...found].filter(([, seconds]) => seconds > 0));
}

const asMap = (rows: readonly { key: string; seconds: number }[]) =>
  new Map(rows.filter(({ seconds }) => seconds > 0).map(({ key, seconds }) => [key, seconds]));
const total = (seconds: ReadonlyMap<string, number>): number =>
  [...seconds.values()].reduce((sum, each) => sum + each, 0);

test('however jobs end, are lost or are taken back, every sum is that of the jobs', async () => {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  for (const name of repositories) {
    await heads.ensureRepository({ name, url: `https://git.example/${name}.git` });
  }
  let expected = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 6 }), async (fates) => {
      for (const each of fates) {
        await live(each);
        expected += (each.lost ?? 0) + (each.end === 'still-runs' ? 0 : each.held);
      }
      const report = await sums();
      const ofRepositories = await byHand(({ repository }) => repository);
      assert.deepEqual(asMap(report.repositories), ofRepositories);
      assert.deepEqual(asMap(report.people), await byHand(({ person }) => person));
      assert.deepEqual(asMap(report.pools), await byHand(({ pool }) => pool));
      assert.equal(report.total.seconds, total(ofRepositories));
      assert.equal(total(asMap(report.days)), report.total.seconds);
      assert.equal(report.total.builds, await database.as('owner').run.count());
      // Clocks tick between a claim and its end, which rounds to some seconds over all.
      const jobs = await database.as('owner').job.count();
      assert.ok(Math.abs(report.total.seconds - expected) <= jobs * 2, `${expected} were spent`);
    }),
    { numRuns: 12 },
  );
});

test('a question about a repository, a person or a group sums what is theirs, and nothing of what is hidden', async () => {
  const owner = database.as('owner');
  const rows = [
    { repository: 'usage/a', person: 'ann', seconds: 10, builds: 1 },
    { repository: 'usage/b', person: 'ann', seconds: 200, builds: 2 },
    { repository: 'usage/b', person: 'bob', seconds: 3000, builds: 3 },
    { repository: 'usage/c', person: 'bob', seconds: 40_000, builds: 4 },
  ];
  const day = new Date('2020-02-29');
  await owner.usageDay.createMany({
    data: rows.map((row) => ({ ...row, day, trigger: 'push', pool: 'old' })),
  });
  const groups = createGroupStore(database.as('nonprod_web'));
  await groups.set('usage/a', { own: ['team'], launch: [] }, 'pat');
  await groups.set('usage/b', { own: ['team', 'other'], launch: ['support'] }, 'pat');
  const then = { since: '2020-02-29', until: '2020-02-29' };
  const spent = async (filter: Partial<UsageFilter>): Promise<number> =>
    (await sums({ ...then, ...filter })).total.seconds;
  assert.equal(await spent({}), 43_210);
  assert.equal(await spent({ repository: 'usage/b' }), 3200);
  assert.equal(await spent({ person: 'ann' }), 210);
  assert.equal(await spent({ group: 'team' }), 3210);
  assert.equal(await spent({ group: 'support' }), 0);
  assert.equal(await spent({ hidden: ['usage/b', 'usage/c'] }), 10);
  assert.equal(await spent({ since: '2020-03-01' }), 0);
  const seen = await sums({ ...then, hidden: ['usage/c'] });
  assert.ok(!JSON.stringify(seen).includes('usage/c'));
  assert.deepEqual(
    asMap(seen.people),
    new Map([
      ['bob', 3000],
      ['ann', 210],
    ]),
  );
  const [b] = seen.repositories.filter(({ key }) => key === 'usage/b');
  assert.deepEqual(b?.groups, ['other', 'team']);
});

test('the same bytes of a repository count once, and deleted logs not at all', async () => {
  const owner = database.as('owner');
  const name = 'usage/stored';
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.ensureRepository({ name, url: `https://git.example/${name}.git` });
  const runs = [newRun({ repository: name }), newRun({ repository: name })];
  for (const run of runs) await heads.advance(name, { ref: run.ref, commit: run.commit }, run);
  await owner.artifact.createMany({
    data: runs.map(({ id }) => ({ runId: id, lease: 1, ...artifact })),
  });
  const logs = createLogPolicyStore(database.as('nonprod_web'));
  for (const run of runs) await logs.recordKept(run.jobs[0]?.id ?? '', 500);
  await owner.cacheEntry.createMany({
    data: [0, 1].map((level) => ({
      ...{ repository: name, level, key: 'ab'.repeat(32), digest: 'cd'.repeat(32) },
      ...{ size: 70, writtenBy: at(runs, 0).jobs[0]?.id ?? '' },
    })),
  });
  const [found] = (await sums({ repository: name })).repositories;
  assert.deepEqual(found?.stored, { artifacts: artifact.size, logs: 1000, caches: 70 });
  await logs.recordDeletion(at(runs, 1).jobs[0]?.id ?? '', 500);
  assert.equal((await sums({ repository: name })).repositories[0]?.stored.logs, 500);
  const elsewhere = await sums({ repository: name, hidden: [name] });
  assert.deepEqual(elsewhere.repositories, []);
});

test('what starts a run is called the same by the database as by budgets, for every event', async () => {
  for (const event of RunEvent.options) {
    const [row] = await database.as('owner').$queryRaw<{ named: string }[]>`
      select trigger_of(${event}) as named`;
    assert.equal(row?.named, triggerOf(event), event);
  }
});

test('a day’s budget counts what all people and pools used of it', async () => {
  const name = 'usage/budget';
  await createHeadStore(database.as('nonprod_scheduler')).ensureRepository({ name, url: 'x' });
  const [{ today }] = await database.as('owner').$queryRaw<[{ today: Date }]>`
    select (now() at time zone 'utc')::date as today`;
  await database.as('owner').usageDay.createMany({
    data: [
      { repository: name, day: today, trigger: 'push', person: 'ann', builds: 2 },
      { repository: name, day: today, trigger: 'push', person: 'bob', builds: 3 },
      { repository: name, day: today, trigger: 'push', pool: 'big', seconds: 60 },
      { repository: name, day: today, trigger: 'push', pool: 'small', seconds: 90 },
    ],
  });
  const { usage } = await createBudgetStore(database.as('nonprod_scheduler')).today(name, 'push');
  assert.deepEqual(usage, { builds: 5, seconds: 150 });
});

test('no process may change what was used', async () => {
  for (const role of ['nonprod_web', 'nonprod_scheduler'] as const) {
    await assert.rejects(
      database.as(role).$executeRaw`update usage_day set seconds = 0`,
      /permission denied/,
    );
    await assert.rejects(database.as(role).$executeRaw`delete from usage_day`, /permission denied/);
    await assert.rejects(
      database.as(role).$executeRaw`update job set seconds = 0`,
      /permission denied/,
    );
  }
});

test('an account counts at the forge at which it was linked alone, and an address whatever its case', async () => {
  const owner = database.as('owner');
  await owner.person.create({
    data: { id: 'Ann@example.com', idp: 'https://idp.example', name: 'Ann', groups: [] },
  });
  await owner.linkedAccount.create({
    data: {
      ...{ provider: 'github', host: 'github.com', account: '7' },
      ...{ person: 'Ann@example.com', name: 'ann' },
    },
  });
  const places = { here: 'github.com', enterprise: 'git.corp.example' };
  for (const [name, host] of Object.entries(places)) {
    await owner.repository.create({
      data: { name, url: 'x', cloneUrl: `https://${host}/shop/web.git`, provider: 'github' },
    });
  }
  const known = createRunPeople(database.as('nonprod_scheduler'));
  assert.equal(await known.ofAccount('here', { provider: 'github', id: '7' }), 'Ann@example.com');
  assert.equal(await known.ofAccount('enterprise', { provider: 'github', id: '7' }), null);
  assert.equal(await known.ofAccount('here', { provider: 'gitea', id: '7' }), null);
  assert.equal(await known.ofAddress('ANN@EXAMPLE.COM'), 'Ann@example.com');
  assert.equal(await known.ofAddress('ann_example.com'), null);
});
