import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type {
  PromotionRequestRequest,
  ProvenanceRequest,
} from '@airlock/common/wire/signer-protocol';
import { maySignPromotionRequest, maySignProvenance, maySignTestResult } from './may-sign.ts';

const repository = 'https://git.example/org/app';
const blob = 'b'.repeat(40);
const facts: CommitPlace = {
  onMain: true,
  firstParent: true,
  position: 3,
  blobs: { '.woodpecker.yaml': blob, '.airlock/release.yaml': 'c'.repeat(40) },
};
const request: ProvenanceRequest = {
  builder: 'main',
  subject: { name: 'app.tar.gz', sha256: 'd'.repeat(64) },
  repository,
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  pipeline: '.woodpecker.yaml',
  release: '.airlock/release.yaml',
  claimedPipelineBlob: null,
  invocationId: 'https://nonprod.example/runs/run_1',
  startedOn: '2026-11-22T10:00:00Z',
  finishedOn: '2026-11-22T10:01:00Z',
};

function codes(changes: Partial<ProvenanceRequest>, git: CommitPlace | null = facts): string[] {
  const decision = maySignProvenance({ ...request, ...changes }, repository, git);
  return decision.allowed ? [] : decision.reasons.map(({ code }) => code);
}

test("a commit of main is signed for, with the pipeline file's blob as git has it", () => {
  assert.deepEqual(maySignProvenance(request, repository, facts), {
    allowed: true,
    value: { pipelineBlob: blob },
  });
});

test('what nonprod claims about the pipeline file of a main build is not looked at', () => {
  const decision = maySignProvenance(
    { ...request, claimedPipelineBlob: 'e'.repeat(40) },
    repository,
    facts,
  );
  assert.deepEqual(decision, { allowed: true, value: { pipelineBlob: blob } });
});

test('builder main is refused for a commit that main does not have, never pointed at, or has no files for', () => {
  assert.deepEqual(codes({}, null), ['commit-not-on-main']);
  assert.deepEqual(codes({}, { ...facts, onMain: false }), ['commit-not-on-main']);
  assert.deepEqual(codes({}, { ...facts, firstParent: false }), ['commit-not-first-parent']);
  assert.deepEqual(codes({}, { ...facts, blobs: {} }), ['pipeline-missing', 'release-missing']);
  assert.deepEqual(codes({ pipeline: 'constructor' }), ['pipeline-missing']);
});

test('builder main is refused for another ref, however alike', () => {
  for (const ref of [
    'main',
    'refs/heads/Main',
    'refs/heads/main ',
    'refs/tags/main',
    'refs/heads/main2',
  ]) {
    assert.deepEqual(codes({ ref }), ['ref-not-main'], ref);
  }
});

test('no builder is signed for another repository, however alike', () => {
  for (const other of [`${repository}.git`, `${repository}/`, repository.toUpperCase(), '']) {
    assert.deepEqual(codes({ repository: other }), ['repository-unknown'], other);
    const pr = { builder: 'pr', ref: 'refs/heads/x', claimedPipelineBlob: blob } as const;
    assert.deepEqual(codes({ ...pr, repository: other }, null), ['repository-unknown'], other);
  }
});

test('every reason is given, not the first alone', () => {
  const changes = {
    repository: 'x',
    ref: 'refs/heads/ü',
    finishedOn: '2026-11-22T09:00:00Z',
  };
  assert.deepEqual(codes(changes, { ...facts, firstParent: false, blobs: {} }), [
    'repository-unknown',
    'times-reversed',
    'text-not-ascii',
    'ref-not-main',
    'commit-not-first-parent',
    'pipeline-missing',
    'release-missing',
  ]);
});

test('builder pr is signed for without main, and never for the ref of main', () => {
  const pr = { builder: 'pr', ref: 'refs/pull/7/head', claimedPipelineBlob: blob } as const;
  assert.deepEqual(codes(pr, null), []);
  assert.deepEqual(codes({ ...pr, ref: 'refs/heads/main' }, null), ['ref-is-main']);
  assert.deepEqual(codes({ ...pr, claimedPipelineBlob: null }, null), ['pipeline-missing']);
});

test('a test result is signed for main alone', () => {
  const { subject, pipeline, commit } = request;
  const asked = { subject, pipeline, commit, result: 'PASSED' } as const;
  assert.ok(maySignTestResult(asked, facts).allowed);
  for (const git of [null, { ...facts, firstParent: false }, { ...facts, blobs: {} }]) {
    assert.ok(!maySignTestResult(asked, git).allowed);
  }
});

test('a promotion request with characters that could hide others is refused, and the field is named', () => {
  const asked: PromotionRequestRequest = {
    subject: request.subject,
    target: 'prod-eu',
    release: '2026.11.22-1',
    requester: { id: 'dana', idp: 'https://idp.example' },
    reason: 'VAT per line',
    requestedAt: '2026-11-22T10:00:00Z',
    provenance: 'f'.repeat(64),
  };
  assert.ok(maySignPromotionRequest(asked).allowed);
  const decision = maySignPromotionRequest({ ...asked, reason: 'VAT\u202eper line' });
  assert.ok(!decision.allowed);
  assert.match(decision.reasons[0].detail, /^reason has characters outside printable ASCII/);
});
