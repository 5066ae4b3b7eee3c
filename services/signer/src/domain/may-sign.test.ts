import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type {
  PromotionRequestRequest,
  ProvenanceRequest,
  TestResultRequest,
} from '@airlock/common/wire/signer-protocol';
import type { AttestedRun } from './attested-run.ts';
import {
  maySignPromotionRequest,
  maySignProvenance,
  maySignTestResult,
  type KnownCommit,
  type SigningRules,
} from './may-sign.ts';

const repository = 'https://git.example/org/app';
const blob = 'b'.repeat(40);
const facts: CommitPlace = {
  onMain: true,
  firstParent: true,
  position: 3,
  blobs: { '.woodpecker.yaml': blob, '.airlock/release.yaml': 'c'.repeat(40) },
};
const plan = runPlan([planStep('test', { commands: ['make'] })]);
const recorded: TestResultRequest = {
  subject: { name: 'app.tar.gz', sha256: 'd'.repeat(64) },
  repository,
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  pipeline: '.woodpecker.yaml',
  release: '.airlock/release.yaml',
  invocationId: 'https://nonprod.example/runs/run_1',
  attestation: '{}',
  plan,
};
const request: ProvenanceRequest = { builder: 'main', ...recorded, claimedPipelineBlob: null };
const planDigest = '9'.repeat(64);
const source = { tree: '6'.repeat(40), time: 1_763_805_600 };
const run: AttestedRun = {
  source,
  subject: request.subject,
  ...{ repository, ref: request.ref, commit: request.commit, pipeline: request.pipeline },
  plan: planDigest,
  image: '8'.repeat(64),
  given: { event: 'push', variables: [] },
  invocationId: request.invocationId,
  startedOn: '2026-11-22T10:00:00Z',
  finishedOn: '2026-11-22T10:01:00Z',
  runner: 'runner-1',
  isolation: { mode: 'bubblewrap', enforced: ['no-network'] },
};
const rules: SigningRules = { repository, unisolatedRuns: false };
const known: KnownCommit = {
  facts,
  source,
  plan: { ok: true, digest: planDigest, differences: [] },
};

function judge(
  changes: Partial<ProvenanceRequest>,
  what: { run?: Partial<AttestedRun>; known?: KnownCommit | null; rules?: SigningRules } = {},
) {
  const attested = { ok: true, run: { ...run, ...what.run } } as const;
  const found = what.known === undefined ? known : what.known;
  return maySignProvenance({ ...request, ...changes }, what.rules ?? rules, attested, found);
}

function codes(...given: Parameters<typeof judge>): string[] {
  const decision = judge(...given);
  return decision.allowed ? [] : decision.reasons.map(({ code }) => code);
}

/** The same change on both sides: nonprod and runner agree. */
const agreed = (
  changes: Partial<ProvenanceRequest>,
  found: KnownCommit | null = known,
): string[] => {
  const {
    subject,
    repository: url,
    ref,
    commit,
    pipeline,
    invocationId,
  } = { ...request, ...changes };
  const same = { subject, repository: url, ref, commit, pipeline, invocationId };
  return codes(changes, { run: same, known: found });
};
const git = (changed: Partial<CommitPlace> | null): KnownCommit =>
  changed === null
    ? { facts: null, source: null, plan: null }
    : { ...known, facts: { ...facts, ...changed } };

test("a commit of main is signed for, with the runner's facts and the pipeline file's blob as git has it", () => {
  assert.deepEqual(judge({}), { allowed: true, value: { run, pipelineBlob: blob } });
});

test('what nonprod claims about the pipeline file of a main build is not looked at', () => {
  const decision = judge({ claimedPipelineBlob: 'e'.repeat(40) });
  assert.deepEqual(decision, { allowed: true, value: { run, pipelineBlob: blob } });
});

test('without a runner who vouches nothing is signed, as main, as pr or as a test result', () => {
  const unsigned = { ok: false, reason: { code: 'run-unsigned', detail: 'x' } } as const;
  const pr = { ...request, builder: 'pr', ref: 'refs/heads/x', claimedPipelineBlob: blob } as const;
  for (const decision of [
    maySignProvenance(request, rules, unsigned, known),
    maySignProvenance(pr, rules, unsigned, null),
    maySignTestResult(recorded, rules, unsigned, known),
  ]) {
    assert.deepEqual(decision, { allowed: false, reasons: [unsigned.reason] });
  }
});

const differences: [code: string, run: Partial<AttestedRun>][] = [
  ['subject-differs', { subject: { ...request.subject, sha256: 'e'.repeat(64) } }],
  ['subject-differs', { subject: { ...request.subject, name: 'app2.tar.gz' } }],
  ['repository-differs', { repository: `${repository}.git` }],
  ['ref-differs', { ref: 'refs/heads/x' }],
  ['commit-differs', { commit: 'f'.repeat(40) }],
  ['pipeline-differs', { pipeline: '.woodpecker/other.yaml' }],
  ['invocation-differs', { invocationId: 'https://nonprod.example/runs/run_2' }],
];
for (const [code, changed] of differences) {
  test(`what nonprod asks for is not what the runner attests: ${code} ${Object.keys(changed).join()}`, () => {
    assert.deepEqual(codes({}, { run: changed }), [code]);
  });
}

test('another plan than that of the files is refused, with both digests and where they differ', () => {
  const other = {
    ...known,
    plan: { ok: true, digest: '7'.repeat(64), differences: ['step test: image'] },
  } as const;
  const decision = judge({}, { known: other });
  assert.ok(!decision.allowed);
  const [{ code, detail }] = decision.reasons;
  assert.equal(code, 'plan-differs');
  assert.match(detail, /make plan 7{64}, the runner ran 9{64} \(step test: image\)$/);
});

test('other files than those of the commit are refused, with both trees; so is another time that builds see', () => {
  const decision = judge({}, { run: { source: { ...source, tree: '5'.repeat(40) } } });
  assert.ok(!decision.allowed);
  assert.deepEqual(
    decision.reasons.map(({ code }) => code),
    ['tree-differs'],
  );
  assert.match(decision.reasons[0].detail, /names tree 6{40}, the runner unpacked 5{40}/);
  const later = { source: { ...source, time: source.time + 1 } };
  assert.deepEqual(codes({}, { run: later }), ['source-time-differs']);
  const attested = { ok: true, run: { ...run, ...later } } as const;
  assert.ok(!maySignTestResult(recorded, rules, attested, known).allowed);
});

test('a commit whose tree cannot be read is not signed for', () => {
  assert.deepEqual(codes({}, { known: { ...known, source: null } }), [
    'tree-differs',
    'source-time-differs',
  ]);
});

test('files that make no plan are refused with their fault', () => {
  const broken = {
    ...known,
    plan: { ok: false, fault: '.woodpecker.yaml:1:1: steps: expected' },
  } as const;
  const decision = judge({}, { known: broken });
  assert.ok(!decision.allowed);
  assert.equal(decision.reasons[0].code, 'plan-not-derivable');
  assert.match(decision.reasons[0].detail, /make no plan: \.woodpecker\.yaml:1:1/);
});

test('a run without a sandbox is signed in the demo alone', () => {
  const unisolated: Partial<AttestedRun> = { isolation: { mode: 'none', enforced: [] } };
  assert.deepEqual(codes({}, { run: unisolated }), ['isolation-none']);
  const demo = { ...rules, unisolatedRuns: true };
  assert.deepEqual(codes({}, { run: unisolated, rules: demo }), []);
});

test('builder main is refused for a commit that main does not have, never pointed at, or has no files for', () => {
  assert.deepEqual(codes({}, { known: git(null) }), ['commit-not-on-main']);
  assert.deepEqual(codes({}, { known: git({ onMain: false }) }), ['commit-not-on-main']);
  assert.deepEqual(codes({}, { known: git({ firstParent: false }) }), ['commit-not-first-parent']);
  assert.deepEqual(codes({}, { known: git({ blobs: {} }) }), [
    'pipeline-missing',
    'release-missing',
  ]);
  assert.deepEqual(agreed({ pipeline: 'constructor' }), ['pipeline-missing']);
});

test('builder main is refused for another ref, however alike', () => {
  for (const ref of [
    'main',
    'refs/heads/Main',
    'refs/heads/main ',
    'refs/tags/main',
    'refs/heads/main2',
  ]) {
    assert.deepEqual(agreed({ ref }), ['ref-not-main'], ref);
  }
});

test('no builder is signed for another repository, however alike', () => {
  for (const other of [`${repository}.git`, `${repository}/`, repository.toUpperCase(), '']) {
    assert.deepEqual(agreed({ repository: other }), ['repository-unknown'], other);
    const pr = { builder: 'pr', ref: 'refs/heads/x', claimedPipelineBlob: blob } as const;
    assert.deepEqual(agreed({ ...pr, repository: other }, null), ['repository-unknown'], other);
  }
});

test('a run of main that was told more than a push tells it is not signed for, also not as a test result', () => {
  const manual = { given: { event: 'manual', variables: [] } };
  const loaded = { given: { event: 'push', variables: ['CI_COMMIT_TAG', 'LD_PRELOAD'] } };
  assert.deepEqual(codes({}, { run: manual }), ['event-not-push']);
  assert.deepEqual(codes({}, { run: loaded }), ['variables-given']);
  for (const changed of [manual, loaded]) {
    const attested = { ok: true, run: { ...run, ...changed } } as const;
    assert.ok(!maySignTestResult(recorded, rules, attested, known).allowed);
  }
});

test('every reason is given, not the first alone', () => {
  const changes = { repository: 'x', ref: 'refs/heads/ü' };
  const what = {
    run: { ...changes, finishedOn: '2026-11-22T09:00:00Z', plan: '1'.repeat(64) },
    known: git({ firstParent: false, blobs: {} }),
  };
  assert.deepEqual(codes(changes, what), [
    'repository-unknown',
    'text-not-ascii',
    'times-reversed',
    'ref-not-main',
    'commit-not-first-parent',
    'pipeline-missing',
    'release-missing',
  ]);
});

test('builder pr is signed for without main, and never for the ref of main', () => {
  const pr = { builder: 'pr', ref: 'refs/pull/7/head', claimedPipelineBlob: blob } as const;
  assert.deepEqual(agreed(pr, null), []);
  assert.deepEqual(agreed({ ...pr, ref: 'refs/heads/main' }, null), ['ref-is-main']);
  assert.deepEqual(agreed({ ...pr, claimedPipelineBlob: null }, null), ['pipeline-missing']);
});

test('a test result is signed for main alone, of the plan of its files', () => {
  const attested = { ok: true, run } as const;
  const allowed = (found: KnownCommit): boolean =>
    maySignTestResult(recorded, rules, attested, found).allowed;
  assert.ok(allowed(known));
  for (const found of [git(null), git({ firstParent: false }), git({ blobs: {} })]) {
    assert.ok(!allowed(found));
  }
  assert.ok(!allowed({ ...known, plan: { ok: true, digest: '7'.repeat(64), differences: [] } }));
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
