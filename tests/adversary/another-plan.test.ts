/** What ran is what main's files say: nonprod's database, a lying request and a stolen builder key change nothing of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleOf, type Forgery } from '@airlock/cli/drills/forgery';
import { planStep } from '@airlock/common/testing/plans';
import { commitNewProduct } from '@airlock/demo/flow';
import { attackerOn } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { assertNothingSigned, runWith, tamperedRun } from '../support/runs.ts';

test('a step that the database adds is run, and nothing of it is signed: plan-differs', async () => {
  const pair = await runningPair();
  const step = planStep('exfil', {
    commands: ['echo x >> dist/shop-api.tar.gz'],
    dependsOn: ['package'],
  });
  const run = await tamperedRun(pair, async ({ id }) => {
    await pair.query(
      'nonprod',
      `update run set plan = jsonb_set(plan, '{workflows,0,steps}', (plan #> '{workflows,0,steps}') || $2::jsonb) where id = $1`,
      [id, JSON.stringify([step])],
    );
    await pair.query(
      'nonprod',
      `insert into step (job_id, position, name, kind, image, state)
       select job_id, max(position) + 1, 'exfil', 'step', max(image), 'queued'
       from step where job_id in (select id from job where run_id = $1) group by job_id`,
      [id],
    );
  });
  await assertNothingSigned(
    pair,
    run,
    /\(plan-differs\).*steps test, package expected, ran test, package, exfil/,
  );
});

test('other commands that the database gives a step are run and not signed: plan-differs', async () => {
  const pair = await runningPair();
  const run = await tamperedRun(pair, async ({ id }) => {
    await pair.query(
      'nonprod',
      `update run set plan = jsonb_set(plan, '{workflows,0,steps,0,commands}', '["true"]') where id = $1`,
      [id],
    );
  });
  await assertNothingSigned(pair, run, /\(plan-differs\).*step test: command 1 .* ran "true"/);
});

test('a plan shown to the signer as it should be does not hide what ran: plan-differs', async () => {
  const pair = await runningPair();
  let honest = '';
  await pair.process('runner').stop();
  const commit = await commitNewProduct(pair);
  const { id } = await runWith(pair, commit, ({ state }) => state === 'queued');
  await pair.process('nonprod-scheduler').stop();
  try {
    const [row] = await pair.query<{ plan: string }>(
      'nonprod',
      `select plan::text as plan from run where id = $1`,
      [id],
    );
    honest = row?.plan ?? '';
    const evil = `update run set plan = jsonb_set(plan, '{workflows,0,steps,0,environment}', '{"LD_PRELOAD":"x"}') where id = $1`;
    await pair.query('nonprod', evil, [id]);
    await pair.start('runner');
    await runWith(pair, commit, ({ state }) => state === 'passed');
    await pair.query('nonprod', 'update run set plan = $2::jsonb where id = $1', [id, honest]);
  } finally {
    await pair.start('nonprod-scheduler');
  }
  const run = await runWith(pair, commit, ({ signing }) => signing !== 'wanted');
  await assertNothingSigned(pair, run, /\(plan-differs\)/);
});

test('another artifact than the runner hashed is not signed: subject-differs', async () => {
  const pair = await runningPair();
  await pair.process('runner').stop();
  const commit = await commitNewProduct(pair);
  const { id } = await runWith(pair, commit, ({ state }) => state === 'queued');
  await pair.process('nonprod-scheduler').stop();
  try {
    await pair.start('runner');
    await runWith(pair, commit, ({ state }) => state === 'passed');
    const swap = 'update artifact set digest = $2 where run_id = $1';
    await pair.query('nonprod', swap, [id, 'e'.repeat(64)]);
  } finally {
    await pair.start('nonprod-scheduler');
  }
  const run = await runWith(pair, commit, ({ signing }) => signing !== 'wanted');
  await assertNothingSigned(pair, run, /\(subject-differs\)/);
});

const forgeries: [claim: string, forgery: Partial<Forgery>, code: string][] = [
  ['another plan', { planDigest: 'a'.repeat(64) }, 'E_PLAN_DIGEST'],
  ['a runner that nobody listed', { runnerImage: 'a'.repeat(64) }, 'E_RUNNER_IMAGE'],
];
for (const [claim, forgery, code] of forgeries) {
  test(`provenance of ${claim}, signed with the stolen main key, is refused: ${code}`, async () => {
    const pair = await runningPair();
    const attacker = await attackerOn(pair);
    const artifact = Buffer.from('contraband');
    const commit = await gitIn(pair, 'rev-parse', 'refs/heads/main');
    const envelopes = await attacker.envelopes({ commit, artifact, ...forgery });
    const judgement = await withoutDelivery(pair, () =>
      attacker.offer({ bundle: bundleOf(envelopes), artifact }),
    );
    assert.equal(judgement.outcome, 'refused');
    assert.equal(judgement.code, code, judgement.detail ?? '');
  });
}
