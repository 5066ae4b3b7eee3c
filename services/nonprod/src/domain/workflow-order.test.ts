import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planStep, planWorkflow, runPlan } from '@airlock/common/testing/plans';
import { keptOf, runEnd, turnOf, turnsOf, type JobOutcome } from './workflow-order.ts';

const steps = [planStep('only')];
const after = (...names: string[]) => names.map((name) => ({ name, optional: false }));
const plan = runPlan(steps, {
  workflows: [
    planWorkflow(steps, { name: 'lint' }),
    planWorkflow(steps, { name: 'test', instance: 1, matrix: { GO: '1.24' } }),
    planWorkflow(steps, { name: 'test', instance: 2, matrix: { GO: '1.25' } }),
    planWorkflow(steps, { name: 'build', dependsOn: after('lint', 'test') }),
    planWorkflow(steps, { name: 'publish', dependsOn: after('build') }),
    planWorkflow(steps, { name: 'tell', dependsOn: after('build'), runsOn: ['failure'] }),
  ],
});
const jobs = (outcomes: Partial<Record<string, JobOutcome>>) =>
  plan.workflows.map(({ name, instance }) => ({
    workflow: { name, instance },
    outcome: outcomes[`${name}${instance || ''}`] ?? null,
    reason: null,
  }));
const build = { name: 'build', instance: 0 };
const publish = { name: 'publish', instance: 0 };
const tell = { name: 'tell', instance: 0 };

test('a workflow starts when all that it depends on have passed, every combination of a matrix', () => {
  assert.deepEqual(turnOf(plan, jobs({}), { name: 'lint', instance: 0 }), { kind: 'start' });
  assert.deepEqual(turnOf(plan, jobs({ lint: 'passed', test1: 'passed' }), build), {
    kind: 'wait',
  });
  assert.deepEqual(
    turnOf(plan, jobs({ lint: 'passed', test1: 'passed', test2: 'passed' }), build),
    { kind: 'start' },
  );
});

test('a failure before it skips a workflow and those behind it, and starts the one that runs on failure', () => {
  const now = jobs({ lint: 'passed', test1: 'passed', test2: 'failed' });
  const turns = turnsOf(plan, now, [publish, tell, build]);
  assert.deepEqual(turns.get(build), {
    kind: 'skip',
    reason: 'Skipped: workflow test (GO=1.25) before it failed.',
  });
  assert.deepEqual(turns.get(publish), {
    kind: 'skip',
    reason: 'Skipped: workflow build before it was skipped.',
  });
  assert.deepEqual(turns.get(tell), { kind: 'start' });
});

test('what runs on failure alone is skipped when nothing failed', () => {
  const now = jobs({ lint: 'passed', test1: 'passed', test2: 'passed', build: 'passed' });
  assert.equal(turnOf(plan, now, tell).kind, 'skip');
});

test('a run ends with its last job and passes when none failed or was cancelled', () => {
  const all = { lint: 'passed', test1: 'passed', test2: 'passed', build: 'passed' } as const;
  assert.deepEqual(runEnd(plan, jobs({ ...all, publish: 'passed' }), null), { ended: false });
  assert.deepEqual(runEnd(plan, jobs({ ...all, publish: 'passed', tell: 'skipped' }), null), {
    ended: true,
    outcome: 'passed',
    reason: null,
  });
  assert.deepEqual(
    runEnd(plan, jobs({ ...all, test2: 'cancelled', publish: 'passed', tell: 'passed' }), null),
    {
      ended: true,
      outcome: 'failed',
      reason: 'test (GO=1.25): It was cancelled.',
    },
  );
});

test('a cancelled run waits for its last job, and was cancelled whatever its jobs came to', () => {
  const all = { lint: 'passed', test1: 'passed', test2: 'passed', build: 'passed' } as const;
  const cancelled = { ended: true, outcome: 'cancelled', reason: 'Cancelled by Dana.' };
  const table: [Partial<Record<string, JobOutcome>>, object][] = [
    [{ ...all, publish: 'passed' }, { ended: false }],
    [{ ...all, publish: 'passed', tell: 'skipped' }, cancelled],
    [{ ...all, publish: 'failed', tell: 'cancelled' }, cancelled],
    [{ ...all, publish: 'cancelled', tell: 'cancelled' }, cancelled],
  ];
  for (const [outcomes, end] of table) assert.deepEqual(runEnd(plan, jobs(outcomes), 'Dana'), end);
});

test('a retry of what did not pass keeps what passed and rests on nothing that is made anew', () => {
  const cases: readonly (readonly [Parameters<typeof jobs>[0], readonly string[]])[] = [
    [{}, []],
    [{ lint: 'passed', test1: 'passed', test2: 'failed', build: 'skipped' }, ['lint', 'test1']],
    // Its result is of a matrix of which one combination is made anew.
    [{ lint: 'passed', test1: 'passed', test2: 'failed', build: 'passed' }, ['lint', 'test1']],
    [
      { lint: 'cancelled', test1: 'passed', test2: 'passed', build: 'passed', publish: 'passed' },
      ['test1', 'test2'],
    ],
    [
      { lint: 'passed', test1: 'passed', test2: 'passed', build: 'passed', publish: 'failed' },
      ['lint', 'test1', 'test2', 'build'],
    ],
    // It runs on failure, and passed behind one.
    [
      { lint: 'passed', test1: 'passed', test2: 'passed', build: 'failed', tell: 'passed' },
      ['lint', 'test1', 'test2'],
    ],
  ];
  for (const [outcomes, names] of cases) {
    const kept = keptOf(plan, jobs(outcomes)).map(
      ({ name, instance }) => `${name}${instance || ''}`,
    );
    assert.deepEqual(kept, names, JSON.stringify(outcomes));
  }
});
