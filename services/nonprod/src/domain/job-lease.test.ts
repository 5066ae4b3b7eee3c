import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import {
  afterExpiry,
  judgeReport,
  leaseHolds,
  maxAttempts,
  type KeptArtifact,
} from './job-lease.ts';
import { planStep, runPlan } from '@airlock/common/testing/plans';

const which = { name: 'woodpecker', instance: 0 };
const plan = runPlan([planStep('a'), planStep('b')], {
  artifact: { workflow: 'woodpecker', name: 'web.tgz', path: 'dist/web.tgz', maxBytes: 100 },
});
const uploaded: KeptArtifact = { name: 'web.tgz', digest: 'a'.repeat(64), size: 3 };
const step = (name: string, outcome: JobReport['steps'][number]['outcome'] = 'passed') => ({
  name,
  kind: 'step' as const,
  outcome,
  exitCode: outcome === 'passed' ? 0 : 1,
  startedAt: null,
  finishedAt: null,
});
const passed: JobReport = {
  lease: 1,
  outcome: 'passed',
  reason: null,
  steps: [step('a'), step('b')],
  artifact: uploaded,
  isolation: { mode: 'bubblewrap', enforced: [] },
  egress: null,
  baitSeen: [],
  attestation: '{}',
};

test('a lease holds for its own number and runner only', () => {
  const job = { state: 'leased', lease: 2, runner: 'r1' } as const;
  assert.ok(leaseHolds(job, { lease: 2, runner: 'r1' }));
  assert.ok(!leaseHolds(job, { lease: 1, runner: 'r1' }));
  assert.ok(!leaseHolds(job, { lease: 2, runner: 'r2' }));
  assert.ok(!leaseHolds({ ...job, state: 'queued' }, { lease: 2, runner: 'r1' }));
  assert.ok(!leaseHolds({ ...job, state: 'finished' }, { lease: 2, runner: 'r1' }));
});

test('a job whose runner is lost is given out again, up to the limit', () => {
  assert.deepEqual(afterExpiry(1, null), { kind: 'requeue', attempt: 2 });
  assert.equal(afterExpiry(maxAttempts, null).kind, 'fail');
});

test('a job of a cancelled run is given to nobody again, however often it was given out', () => {
  for (const attempt of [1, maxAttempts]) {
    assert.deepEqual(afterExpiry(attempt, 'Dana'), {
      kind: 'cancel',
      reason: 'Cancelled by Dana.',
    });
  }
});

test('a whole report of what was planned passes', () => {
  assert.deepEqual(judgeReport(plan, which, passed, uploaded), { outcome: 'passed' });
});

const lies: [name: string, report: JobReport, kept: KeptArtifact | null][] = [
  ['a step left out', { ...passed, steps: [step('a')] }, uploaded],
  ['a step too many', { ...passed, steps: [...passed.steps, step('c')] }, uploaded],
  ['steps in another order', { ...passed, steps: [step('b'), step('a')] }, uploaded],
  ['a pass with a failed step', { ...passed, steps: [step('a'), step('b', 'failed')] }, uploaded],
  ['a pass with a skipped step', { ...passed, steps: [step('a'), step('b', 'skipped')] }, uploaded],
  ['no upload', passed, null],
  ['another upload', passed, { ...uploaded, digest: 'b'.repeat(64) }],
  ['nothing signed', { ...passed, attestation: null }, uploaded],
  ['no artifact in the report', { ...passed, artifact: null }, uploaded],
];
for (const [name, report, kept] of lies) {
  test(`not believed: ${name}`, () => {
    assert.equal(judgeReport(plan, which, report, kept).outcome, 'failed');
  });
}

test('an artifact that nobody asked for is not taken', () => {
  assert.equal(judgeReport({ ...plan, artifact: null }, which, passed, uploaded).outcome, 'failed');
});

test('a workflow that keeps nothing attests nothing: the run’s attestation is its artifact’s workflow’s', () => {
  const other = {
    ...plan,
    artifact: { workflow: 'release', name: 'web.tgz', path: 'dist/web.tgz', maxBytes: 100 },
  };
  const plain = { ...passed, artifact: null, attestation: null };
  assert.equal(judgeReport(other, which, plain, null).outcome, 'passed');
  assert.equal(judgeReport(other, which, { ...plain, attestation: '{}' }, null).outcome, 'failed');
});

test('a failure names the step and its exit code', () => {
  const report: JobReport = {
    ...passed,
    outcome: 'failed',
    steps: [step('a', 'failed'), step('b', 'skipped')],
    artifact: null,
  };
  assert.deepEqual(judgeReport(plan, which, report, null), {
    outcome: 'failed',
    reason: 'Step a failed with exit code 1.',
  });
});
