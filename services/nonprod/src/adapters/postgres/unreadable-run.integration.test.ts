/** A row that somebody with the database's owner changed, or another version wrote: its run ends, and nobody else's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { planStep, planWorkflow, runPlan } from '@airlock/common/testing/plans';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { newId, passedReport, passedRun, startRun, workflow } from '../../testing/fixtures.ts';
import { createSignRuns } from '../../app/sign-runs.ts';
import { createCandidateStore } from './candidate-store.ts';
import { createJobStore } from './job-store.ts';
import { createPageQueries } from './page-queries.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const jobs = () => createJobStore(database.as('nonprod_web'));
const page = async (id: string) => {
  const found = await createPageQueries(database.as('nonprod_web')).run(id);
  assert.ok(found !== null);
  return found;
};
const spoil = async (id: string, plan: string): Promise<void> => {
  await database.as('owner').$executeRaw`update run set plan = ${plan}::jsonb where id = ${id}`;
};

const unreadablePlans = {
  'of another shape': '{"workflows": "none"}',
  'of one workflow more that has no steps':
    '{"workflows": [{"name": "x"}], "artifact": null, "release": null}',
  'that is null': 'null',
};

for (const [name, plan] of Object.entries(unreadablePlans)) {
  test(`a plan ${name} ends its run, with a reason that says what to do, and the claim gets the next job`, async () => {
    const pool = `unreadable-${name.replaceAll(' ', '-')}`;
    const bad = await startRun(database, { pool, ref: `refs/heads/${pool}` });
    const good = await startRun(database, { pool, ref: `refs/heads/${pool}-2` });
    await spoil(bad.id, plan);
    const told: string[] = [];
    const claimed = await jobs().claim({
      ...{ runner: 'r', pool, leaseSeconds: 60 },
      onUnreadable: ({ runId }) => told.push(runId),
    });
    assert.equal(claimed?.runId, good.id);
    assert.deepEqual(told, [bad.id]);
    const shown = await page(bad.id);
    assert.equal(shown.state, 'failed');
    assert.match(shown.reason ?? '', /^Its plan.*cannot be read.*Retry it/);
    assert.deepEqual(
      shown.jobs.map(({ state, outcome, steps }) => [state, outcome, steps.map((s) => s.state)]),
      [['finished', 'failed', ['skipped', 'skipped']]],
    );
  });
}

test('variables that are none end the run as well', async () => {
  const run = await startRun(database, { pool: 'variables' });
  await database.as('owner').$executeRaw`
    update run set variables = '{"A": 1}'::jsonb where id = ${run.id}`;
  const claim = { runner: 'r', pool: 'variables', leaseSeconds: 60 };
  assert.equal(await jobs().claim(claim), null);
  assert.match((await page(run.id)).reason ?? '', /^Its variables.*cannot be read/);
});

test('a plan that becomes unreadable while a job runs: the runner’s report is taken, and the run fails', async () => {
  const steps = [planStep('build'), planStep('test')];
  const plan = runPlan(steps, {
    workflows: [
      planWorkflow(steps),
      planWorkflow([planStep('only')], {
        name: 'later',
        dependsOn: [{ name: workflow.name, optional: false }],
      }),
    ],
  });
  const both = [workflow, { name: 'later', instance: 0 }];
  const run = await startRun(database, {
    plan,
    jobs: both.map((which) => ({ id: newId('job'), workflow: which, pool: 'late' })),
  });
  const claimed = await jobs().claim({ runner: 'r', pool: 'late', leaseSeconds: 60 });
  assert.ok(claimed !== null);
  await spoil(run.id, '{}');
  const proof = { jobId: claimed.jobId, lease: claimed.lease, runner: 'r' };
  const finished = await jobs().finish(proof, passedReport(claimed.lease), { outcome: 'passed' });
  assert.equal(finished?.run, 'failed');
  const shown = await page(run.id);
  assert.match(shown.reason ?? '', /cannot be read/);
  assert.deepEqual(
    shown.jobs.map(({ outcome }) => outcome),
    ['passed', 'failed'],
  );
});

test('a passed run whose plan cannot be read is not signed, and the one behind it is asked about', async () => {
  const bad = await passedRun(database, { pool: 'signed' });
  const good = await passedRun(database, { pool: 'signed', ref: 'refs/heads/signed' });
  await spoil(bad.id, '[]');
  const asked: string[] = [];
  const signed = (request: { readonly invocationId: string }): Promise<string> => {
    asked.push(request.invocationId);
    return Promise.resolve(JSON.stringify({ payload: '' }));
  };
  await createSignRuns(
    {
      candidates: createCandidateStore(database.as('nonprod_scheduler')),
      signer: {
        ...{ provenance: signed, testResult: signed },
        promotionRequest: () => assert.fail('nobody asked for a promotion'),
      },
      mirror: { fileBlob: () => Promise.resolve(null) },
      events: { signingRefused() {}, candidateSigned() {} },
      newId,
    },
    { origin: 'https://ci', mainBranch: 'main', repositoryUrl: 'https://git.example/shop/web.git' },
  )();
  assert.equal((await page(bad.id)).signing, 'refused');
  assert.match((await page(bad.id)).signingReason ?? '', /plan.*cannot be read.*Retry/);
  assert.deepEqual(asked, [`https://ci/runs/${good.id}`]);
});
