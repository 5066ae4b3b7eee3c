import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { planStep, planWorkflow, runPlan } from '@airlock/common/testing/plans';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import {
  artifact,
  newId,
  passedReport,
  passedRun,
  startRun,
  workflow,
} from '../../testing/fixtures.ts';
import { createCancelStore } from './cancel-store.ts';
import { createJobStore } from './job-store.ts';
import { createLeaseSweeper } from './lease-sweeper.ts';
import { createPageQueries } from './page-queries.ts';
import { createRetryStore } from './retry-store.ts';

const dana = { id: 'dana@example.com', name: 'Dana' };

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const stores = () => ({
  cancels: createCancelStore(database.as('nonprod_web')),
  retries: createRetryStore(database.as('nonprod_web')),
  jobs: createJobStore(database.as('nonprod_web')),
  sweeper: createLeaseSweeper(database.as('nonprod_scheduler')),
  pages: createPageQueries(database.as('nonprod_web')),
});

async function leased(pool: string) {
  const run = await startRun(database, { pool });
  const claim = await stores().jobs.claim({ runner: 'r', pool, leaseSeconds: 60 });
  assert.equal(claim?.runId, run.id);
  return { run, claim, proof: { jobId: claim.jobId, lease: claim.lease, runner: 'r' } };
}

test('a run that waits ends at once with every job and step, and is given to no runner', async () => {
  const { cancels, jobs, pages } = stores();
  const steps = [planStep('only')];
  const plan = runPlan(steps, {
    workflows: [
      planWorkflow(steps),
      planWorkflow(steps, {
        name: 'later',
        dependsOn: [{ name: workflow.name, optional: false }],
      }),
    ],
  });
  const both = [workflow, { name: 'later', instance: 0 }];
  const run = await startRun(database, {
    plan,
    jobs: both.map((which) => ({ id: newId('job'), workflow: which, pool: 'waits' })),
  });
  assert.deepEqual(await cancels.cancel(run.id, dana), {
    ...{ was: 'queued', again: false, now: 'cancelled' },
  });
  const page = await pages.run(run.id);
  assert.equal(page?.state, 'cancelled');
  assert.equal(page.reason, 'Cancelled by Dana.');
  assert.notEqual(page.finishedAt, null);
  assert.deepEqual(
    page.jobs.map(({ state, outcome, steps: own }) => [state, outcome, own[0]?.state]),
    [
      ['finished', 'cancelled', 'cancelled'],
      ['finished', 'cancelled', 'cancelled'],
    ],
  );
  assert.equal(await jobs.claim({ runner: 'r', pool: 'waits', leaseSeconds: 60 }), null);
});

test('a runner is told with its next heartbeat, and a pass that it reports then counts as cancelled', async () => {
  const { cancels, jobs, pages } = stores();
  const { run, claim, proof } = await leased('told');
  assert.equal(await jobs.heartbeat(proof, 60), 'held');
  assert.equal((await cancels.cancel(run.id, dana))?.now, 'running');
  assert.equal(await jobs.heartbeat(proof, 60), 'cancelled');
  assert.equal((await pages.run(run.id))?.cancelledBy, 'Dana');
  assert.deepEqual(await cancels.cancel(run.id, { id: 'leo', name: 'Leo' }), {
    ...{ was: 'running', again: true, now: 'running' },
  });

  await jobs.recordArtifact(proof, artifact);
  assert.deepEqual(await jobs.finish(proof, passedReport(claim.lease), { outcome: 'passed' }), {
    ...{ outcome: 'cancelled', reason: 'Cancelled by Dana.', run: 'cancelled' },
  });
  const page = await pages.run(run.id);
  assert.equal(page?.state, 'cancelled');
  assert.equal(page.reason, 'Cancelled by Dana.');
  assert.equal(page.signing, 'none');
  assert.equal(page.jobs[0]?.outcome, 'cancelled');
});

test('heartbeats do not keep a cancelled job, and when its runner is gone it ends as cancelled', async () => {
  const { cancels, jobs, sweeper, pages } = stores();
  const { run, proof } = await leased('gone');
  await cancels.cancel(run.id, dana);
  const owner = database.as('owner');
  await owner.$executeRaw`
    update job set lease_expires_at = now() - interval '1 second' where id = ${proof.jobId}`;
  assert.equal(await jobs.heartbeat(proof, 60), 'cancelled');
  assert.deepEqual(await sweeper.sweep(), [
    { jobId: proof.jobId, runId: run.id, runner: 'r', outcome: 'cancelled' },
  ]);
  assert.equal(await jobs.heartbeat(proof, 60), 'lost');
  assert.equal((await pages.run(run.id))?.state, 'cancelled');
  assert.equal(await jobs.claim({ runner: 'r', pool: 'gone', leaseSeconds: 60 }), null);
});

test('claims and cancels at once: no job of a cancelled run is left to wait, and none is kept from being told', async () => {
  const { cancels, jobs, pages } = stores();
  const runs = [];
  for (let n = 0; n < 8; n += 1) runs.push(await startRun(database, { pool: 'race' }));
  const [claims] = await Promise.all([
    Promise.all(runs.map(() => jobs.claim({ runner: 'r', pool: 'race', leaseSeconds: 60 }))),
    Promise.all(runs.map(({ id }) => cancels.cancel(id, dana))),
  ]);
  const given = new Map(claims.flatMap((claim) => (claim === null ? [] : [[claim.runId, claim]])));
  for (const { id } of runs) {
    const claim = given.get(id);
    const page = await pages.run(id);
    if (claim === undefined) {
      assert.equal(page?.state, 'cancelled');
      continue;
    }
    assert.equal(page?.state, 'running');
    const { jobId, lease } = claim;
    assert.equal(await jobs.heartbeat({ jobId, lease, runner: 'r' }, 60), 'cancelled');
  }
});

test('a held run is cancelled, an ended one and an unknown one are not', async () => {
  const { cancels, pages } = stores();
  const held = await startRun(database, { state: 'held', plan: null });
  assert.equal((await cancels.cancel(held.id, dana))?.now, 'cancelled');
  assert.equal((await pages.run(held.id))?.reason, 'Cancelled by Dana.');
  const passed = await passedRun(database, { pool: 'ended' });
  assert.deepEqual(await cancels.cancel(passed.id, dana), {
    ...{ was: 'passed', again: false, now: 'passed' },
  });
  assert.equal((await pages.run(passed.id))?.state, 'passed');
  assert.equal(await cancels.cancel(newId('run'), dana), null);
});

test('a run is asked for once more only once at a time, as what it was', async () => {
  const { retries, pages } = stores();
  const run = await passedRun(database, { pool: 'again' });
  const found = await retries.find(run.id);
  assert.equal(found?.event, 'push');
  assert.equal(found.head, run.commit);
  assert.equal(found.retriedAs, null);
  const ids = [newId('run'), newId('run')];
  const asked = await Promise.all(
    ids.map((id) => retries.ask(found, { id, person: dana.id, onlyFailed: false })),
  );
  assert.equal(asked.filter(Boolean).length, 1);
  const id = ids[asked.indexOf(true)];
  assert.equal((await retries.find(run.id))?.retriedAs, id);
  assert.deepEqual((await pages.run(run.id))?.retries, [{ id, number: null, refused: null }]);
});
