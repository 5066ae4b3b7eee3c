import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { artifact, newRun, passedReport, repository, startRun } from '../../testing/fixtures.ts';
import { createHeadStore } from './head-store.ts';
import { createJobStore } from './job-store.ts';
import { createLeaseSweeper } from './lease-sweeper.ts';
import { createPageQueries } from './page-queries.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const stores = () => ({
  jobs: createJobStore(database.as('nonprod_web')),
  sweeper: createLeaseSweeper(database.as('nonprod_scheduler')),
  pages: createPageQueries(database.as('nonprod_web')),
});

/** Makes the lease run out by the database's clock without waiting for it. */
async function letLeaseRunOut(jobId: string): Promise<void> {
  await database.as('owner').$executeRaw`
    update job set lease_expires_at = now() - interval '1 second' where id = ${jobId}`;
}

test('many claimers at once: every job goes to exactly one', async () => {
  const { jobs } = stores();
  for (let n = 0; n < 5; n += 1) await startRun(database, { pool: 'crowd' });
  const claims = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      jobs.claim({ runner: `r${n}`, pool: 'crowd', leaseSeconds: 60 }),
    ),
  );
  const given = claims.flatMap((claim) => (claim === null ? [] : [claim.jobId]));
  assert.equal(given.length, 5);
  assert.equal(new Set(given).size, 5);
});

test('a job of another pool is not given out', async () => {
  const { jobs } = stores();
  await startRun(database, { pool: 'trusted' });
  assert.equal(await jobs.claim({ runner: 'r', pool: 'empty', leaseSeconds: 60 }), null);
});

test('a replaced runner can write nothing: steps, heartbeat, artifact and report are all fenced', async () => {
  const { jobs, sweeper, pages } = stores();
  const run = await startRun(database, { pool: 'fence' });
  const first = await jobs.claim({ runner: 'slow', pool: 'fence', leaseSeconds: 60 });
  assert.ok(first !== null);
  const stale = { jobId: first.jobId, lease: first.lease, runner: 'slow' };
  assert.equal(await jobs.startStep(stale, 'build'), 'started');

  await letLeaseRunOut(first.jobId);
  assert.deepEqual(
    (await sweeper.sweep()).map(({ jobId, outcome }) => ({ jobId, outcome })),
    [{ jobId: first.jobId, outcome: 'requeued' }],
  );
  const second = await jobs.claim({ runner: 'quick', pool: 'fence', leaseSeconds: 60 });
  assert.ok(second !== null);
  assert.equal(second.jobId, first.jobId);
  assert.equal(second.attempt, 2);
  assert.ok(second.lease > first.lease);

  assert.equal(await jobs.heartbeat(stale, 60), 'lost');
  assert.equal(await jobs.startStep(stale, 'test'), 'lease-lost');
  assert.equal(await jobs.recordArtifact(stale, { ...artifact, digest: 'ee'.repeat(32) }), false);
  assert.equal(await jobs.finish(stale, passedReport(first.lease), { outcome: 'passed' }), null);
  assert.equal((await pages.run(run.id))?.state, 'running');

  // The number alone is not enough either: it belongs to one runner.
  const thief = { jobId: second.jobId, lease: second.lease, runner: 'slow' };
  assert.equal(await jobs.heartbeat(thief, 60), 'lost');

  const proof = { jobId: second.jobId, lease: second.lease, runner: 'quick' };
  assert.equal(await jobs.recordArtifact(proof, artifact), true);
  assert.notEqual(
    await jobs.finish(proof, passedReport(second.lease), { outcome: 'passed' }),
    null,
  );
  const page = await pages.run(run.id);
  assert.equal(page?.state, 'passed');
  assert.equal(page.signing, 'wanted');
  assert.deepEqual(page.artifact, artifact);
  // A report that arrives twice changes nothing.
  assert.equal(
    await jobs.finish(proof, passedReport(second.lease), { outcome: 'failed', reason: 'x' }),
    null,
  );
});

test('an artifact uploaded under an earlier lease does not count for the next', async () => {
  const { jobs, sweeper } = stores();
  await startRun(database, { pool: 'upload' });
  const first = await jobs.claim({ runner: 'a', pool: 'upload', leaseSeconds: 60 });
  assert.ok(first !== null);
  await jobs.recordArtifact({ jobId: first.jobId, lease: first.lease, runner: 'a' }, artifact);
  assert.deepEqual((await jobs.facts(first.jobId))?.uploaded, artifact);
  await letLeaseRunOut(first.jobId);
  await sweeper.sweep();
  await jobs.claim({ runner: 'b', pool: 'upload', leaseSeconds: 60 });
  assert.equal((await jobs.facts(first.jobId))?.uploaded, null);
});

test('a run whose runner is lost three times fails with a sentence', async () => {
  const { jobs, sweeper, pages } = stores();
  const run = await startRun(database, { pool: 'lost' });
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const claim = await jobs.claim({ runner: 'r', pool: 'lost', leaseSeconds: 60 });
    assert.equal(claim?.attempt, attempt);
    await letLeaseRunOut(claim.jobId);
    await sweeper.sweep();
  }
  assert.equal(await jobs.claim({ runner: 'r', pool: 'lost', leaseSeconds: 60 }), null);
  const page = await pages.run(run.id);
  assert.equal(page?.state, 'failed');
  assert.match(page.reason ?? '', /lost 3 times/);
});

test('a heartbeat keeps the job, and two sweepers take it back only once', async () => {
  const { jobs, sweeper } = stores();
  await startRun(database, { pool: 'beat' });
  const claim = await jobs.claim({ runner: 'r', pool: 'beat', leaseSeconds: 60 });
  assert.ok(claim !== null);
  await letLeaseRunOut(claim.jobId);
  await jobs.heartbeat({ jobId: claim.jobId, lease: claim.lease, runner: 'r' }, 60);
  assert.deepEqual(await sweeper.sweep(), []);
  await letLeaseRunOut(claim.jobId);
  const swept = await Promise.all([sweeper.sweep(), sweeper.sweep(), sweeper.sweep()]);
  assert.equal(swept.flat().length, 1);
});

test('a step that writes is shown as running, once, and one that the plan does not have begins nothing', async () => {
  const { jobs, pages } = stores();
  const run = await startRun(database, { pool: 'log' });
  const claim = await jobs.claim({ runner: 'r', pool: 'log', leaseSeconds: 60 });
  assert.ok(claim !== null);
  const proof = { jobId: claim.jobId, lease: claim.lease, runner: 'r' };
  const steps = async () => (await pages.run(run.id))?.jobs[0]?.steps ?? [];
  assert.equal(await jobs.startStep(proof, 'build'), 'started');
  const [first] = await steps();
  assert.equal(await jobs.startStep(proof, 'build'), 'started');
  assert.equal(await jobs.startStep(proof, 'no-such-step'), 'no-such-step');
  assert.deepEqual(
    (await steps()).map(({ name, state }) => `${name} ${state}`),
    ['build running', 'test queued'],
  );
  assert.deepEqual((await steps())[0]?.startedAt, first?.startedAt);
});

test('the same head starts one run, however often it is seen', async () => {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.ensureRepository(repository);
  const run = newRun({ pool: 'once' });
  const head = { ref: run.ref, commit: run.commit };
  const started = await Promise.all(
    ['a', 'b', 'c'].map(() =>
      heads.advance(repository.name, head, { ...newRun({ pool: 'once' }), ...head }),
    ),
  );
  assert.equal(started.filter(Boolean).length, 1);
  assert.equal((await heads.known(repository.name)).get(run.ref), run.commit);
});
