import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRunAttestation, runStatement, type RunAttestation } from './run.ts';
import { parseStatement, statementBytes } from './statement.ts';

const subject = { name: 'app.tar.gz', sha256: 'd'.repeat(64) };
const run: RunAttestation = {
  repository: 'https://git.example/org/app',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  source: { tree: 'e'.repeat(40), time: 1_763_805_600 },
  pipeline: '.woodpecker.yaml',
  plan: 'b'.repeat(64),
  image: 'c'.repeat(64),
  given: { event: 'push', variables: [] },
  invocationId: 'https://nonprod.example/runs/run_1',
  startedOn: '2026-11-22T10:00:00Z',
  finishedOn: '2026-11-22T10:01:00Z',
  runner: 'runner-1',
  isolation: { mode: 'bubblewrap', enforced: ['no-network'] },
};

test('what a runner writes is what is read', () => {
  const statement = parseStatement(runStatement(subject, run));
  assert.deepEqual(statement.subject, subject);
  assert.deepEqual(readRunAttestation(statement), run);
});

test('a statement of another kind, a missing and an unknown field are refused', () => {
  const predicateType = 'https://airlock.example/attestation/run/v1';
  const { plan, ...withoutPlan } = run;
  for (const bytes of [
    statementBytes(subject, 'https://slsa.dev/provenance/v1', run),
    statementBytes(subject, predicateType, withoutPlan),
    statementBytes(subject, predicateType, { ...run, outcome: 'passed' }),
    statementBytes(subject, predicateType, { ...run, plan: plan.toUpperCase() }),
    statementBytes(subject, predicateType, { ...run, source: { tree: 'e'.repeat(40) } }),
    statementBytes(subject, predicateType, { ...run, source: { tree: 'e'.repeat(39), time: 1 } }),
  ]) {
    assert.throws(() => readRunAttestation(parseStatement(bytes)), { code: 'E_STATEMENT' });
  }
});
