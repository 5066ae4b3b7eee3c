/** Rows and documents that the tests start from. */
import { randomBytes } from 'node:crypto';
import { formatId } from '@airlock/common/ids';
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { createCandidateStore } from '../adapters/postgres/candidate-store.ts';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import type { NewId, NewRun } from '../app/ports.ts';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import type { TestDatabase } from './database.ts';

export const newId: NewId = (prefix) => formatId(prefix, randomBytes(10));
export const repository = { name: 'shop/web', url: 'https://git.example/shop/web.git' };

export const plan: RunPlan = runPlan(
  [
    planStep('build', { commands: ['make'], environment: { A: '1' } }),
    planStep('test', { commands: ['make test'] }),
  ],
  {
    artifact: {
      workflow: 'woodpecker',
      name: 'web.tar.gz',
      path: 'dist/web.tar.gz',
      maxBytes: 1_000_000,
    },
    release: { version: null, targets: ['prod'], requires: [] },
  },
);
type RunChange = Partial<NewRun> & { readonly pool?: string };

export const workflow = { name: 'woodpecker', instance: 0 };

/** @param change.pool of its one job. */
export function newRun({ pool = 'default', ...change }: RunChange = {}): NewRun {
  const commit = randomBytes(20).toString('hex');
  return {
    id: newId('run'),
    jobs: change.state === 'held' ? [] : [{ id: newId('job'), workflow, pool }],
    repository: repository.name,
    ref: 'refs/heads/main',
    branch: 'main',
    pullRequest: null,
    event: 'push',
    commit,
    ...{ tag: null, sourceBranch: null, cron: null, deployTo: null, variables: {} },
    retryOf: null,
    onlyFailed: false,
    person: null,
    limits: { runsAtOnce: null, runsAPersonAnHour: null },
    warnings: [],
    details: { subject: 'VAT per line', authorName: 'Dana', authorEmail: 'dana@example.com' },
    state: 'queued',
    reason: null,
    plan,
    trust: { level: 3, why: 'a run of the tests', files: 'own', filesCommit: commit, notes: [] },
    ...change,
  };
}

export async function startRun(database: TestDatabase, change: RunChange = {}): Promise<NewRun> {
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.ensureRepository(repository);
  const run = newRun(change);
  await heads.advance(repository.name, { ref: run.ref, commit: run.commit }, run);
  return run;
}

export const artifact = { name: 'web.tar.gz', digest: 'ab'.repeat(32), size: 1234 };

export function passedReport(lease: number): JobReport {
  return {
    lease,
    outcome: 'passed',
    reason: null,
    steps: ['build', 'test'].map((name) => ({
      name,
      kind: 'step',
      outcome: 'passed',
      exitCode: 0,
      startedAt: '2026-11-22T10:00:00Z',
      finishedAt: '2026-11-22T10:00:05Z',
    })),
    artifact,
    isolation: { mode: 'bubblewrap', enforced: ['network'] },
    egress: { allowed: 3, refused: 1, bytesIn: 2048, bytesOut: 512, hosts: [] },
    baitSeen: [],
    attestation: envelope('run'),
  };
}

/** A run of main that passed and whose artifact was kept. */
export async function passedRun(database: TestDatabase, change: RunChange = {}): Promise<NewRun> {
  const run = await startRun(database, change);
  const jobs = createJobStore(database.as('nonprod_web'));
  const claimed = await jobs.claim({
    runner: 'r1',
    pool: run.jobs[0]?.pool ?? '',
    leaseSeconds: 60,
  });
  if (claimed?.runId !== run.id) throw new Error('another job was waiting');
  const proof = { jobId: claimed.jobId, lease: claimed.lease, runner: 'r1' };
  await jobs.recordArtifact(proof, artifact);
  await jobs.finish(proof, passedReport(claimed.lease), { outcome: 'passed' });
  return run;
}

/** A candidate of main with made-up envelopes. */
export async function candidate(database: TestDatabase): Promise<string> {
  const run = await passedRun(database);
  const id = newId('cand');
  await createCandidateStore(database.as('nonprod_scheduler')).record({
    id,
    runId: run.id,
    builder: 'main',
    version: null,
    day: '2026.11.22',
    artifact,
    targets: ['prod'],
    provenance: envelope('provenance'),
    provenancePayloadDigest: 'cd'.repeat(32),
    testResult: envelope('test'),
  });
  return id;
}

export function envelope(text: string): string {
  return JSON.stringify({
    payloadType: 'application/vnd.in-toto+json',
    payload: Buffer.from(text).toString('base64'),
    signatures: [{ keyid: 'k', sig: 'c2ln' }],
  });
}
