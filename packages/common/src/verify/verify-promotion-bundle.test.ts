import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { sha256Hex } from '../encoding/hex.ts';
import { provenanceStatement } from '../slsa/provenance.ts';
import { createBundleWorld, join, type BundleChanges } from '../testing/bundle-world.ts';
import { importTrust } from '../trust/signer.ts';
import { admissionCodes } from './admission-codes.ts';
import {
  admit,
  decideAdmission,
  verifyPromotionBundle,
  type AdmissionInput,
} from './verify-promotion-bundle.ts';

const world = createBundleWorld();
const good = world.bundle();

function codeOf(bundle: Uint8Array, changes: Partial<AdmissionInput> = {}): string {
  const result = admit(world.input(bundle, changes));
  return result.ok ? 'OK' : result.code;
}

const replaced = (from: string, to: string) => (bytes: Buffer) => {
  const text = bytes.toString();
  assert.ok(text.includes(from), from);
  return Buffer.from(text.replace(from, to));
};

const withPolicy = (changes: Partial<typeof world.policy>): Partial<AdmissionInput> => ({
  policies: new Map([['prod-eu', { ...world.policy, ...changes }]]),
});

test('the facts of an admitted bundle are those that were signed', () => {
  const result = admit(world.input(good));
  assert.ok(result.ok);
  const line = good.subarray(0, good.indexOf(0x0a));
  assert.deepEqual(result.facts, {
    target: 'prod-eu',
    release: '2026.11.22-1',
    requester: { id: 'dana', idp: 'https://idp.example/metadata' },
    reason: 'VAT per line',
    requestedAt: '2026-11-22T11:30:00Z',
    subjectName: 'app.tar.gz',
    artifactDigest: sha256Hex(world.artifact),
    repository: 'https://git.example/org/app',
    ref: 'refs/heads/main',
    commit: world.build.commit,
    pipeline: '.woodpecker/build.yaml',
    pipelineBlob: world.build.pipelineBlob,
    planDigest: null,
    runnerImages: [],
    claimedRunner: null,
    releaseFile: '.airlock/release.yaml',
    builderId: world.build.builderId,
    keyIds: [world.keys.builder.keyid],
    invocationId: world.build.invocationId,
    startedOn: world.build.startedOn,
    finishedOn: world.build.finishedOn,
    provenanceDigest: sha256Hex(provenanceStatement(world.build)),
    envelopeDigest: sha256Hex(line),
    bundleDigest: sha256Hex(good),
    position: 10,
  });
});

test('an artifact may be given by its digest', () => {
  assert.equal(codeOf(good, { artifact: { sha256: sha256Hex(world.artifact) } }), 'OK');
  assert.equal(codeOf(good, { artifact: { sha256: 'f'.repeat(64) } }), 'E_ARTIFACT_DIGEST');
});

const main = world.keys.builder;
const changes: [string, BundleChanges, string][] = [
  [
    'a builder id that only begins like the pinned one',
    { build: { builderId: `${world.build.builderId}.evil` } },
    'E_BUILDER_ID',
  ],
  [
    'provenance by the pull-request builder',
    { provenanceKeys: [world.keys.prBuilder] },
    'E_BUILDER_ID',
  ],
  [
    'an honest build of a pull request',
    {
      build: { builderId: 'https://nonprod.example/builders/pr@v1' },
      provenanceKeys: [world.keys.prBuilder],
      testKeys: [world.keys.prBuilder],
    },
    'E_BUILDER_ID',
  ],
  [
    'a source named by two digests',
    { provenanceBytes: replaced('{"gitCommit"', '{"sha256":"x","gitCommit"') },
    'E_SOURCE_DEP',
  ],
  [
    'a source without a commit',
    { provenanceBytes: replaced('{"gitCommit"', '{"gitTree"') },
    'E_SOURCE_DEP',
  ],
  ['a pipeline blob that is cut', { build: { pipelineBlob: 'b'.repeat(39) } }, 'E_PIPELINE_DIGEST'],
  [
    'a pipeline file stated twice',
    {
      provenanceBytes: replaced(
        '"resolvedDependencies":[',
        `"resolvedDependencies":[{"uri":"file:.woodpecker/build.yaml","digest":{"gitBlob":"${'b'.repeat(40)}"}},`,
      ),
    },
    'E_PIPELINE_DIGEST',
  ],
  [
    'a test result with an unknown field',
    { testBytes: replaced('"result"', '"failedTests":[],"result"') },
    'E_TESTS',
  ],
  [
    'a test result that only warned',
    { testBytes: replaced('"PASSED"', '"WARNED"') },
    'E_TESTS_FAILED',
  ],
  [
    'a predicateType that is no text',
    { provenanceBytes: replaced('"https://slsa.dev/provenance/v1"', '1') },
    'E_STATEMENT',
  ],
  [
    'a subject name that is no text',
    { provenanceBytes: replaced('"name":"app.tar.gz"', '"name":1') },
    'E_SUBJECT',
  ],
  [
    'an artifact name with a look-alike letter',
    { provenanceBytes: replaced('"app.tar.gz"', '"аpp.tar.gz"') },
    'E_UNICODE',
  ],
  ['provenance by the promotion key', { provenanceKeys: [world.keys.promoter] }, 'E_KEY_ROLE'],
  [
    'a test result by the pull-request builder',
    { testKeys: [world.keys.prBuilder] },
    'E_BUILDER_ID',
  ],
  ['a request by the test key', { requestKeys: [world.keys.tester] }, 'E_KEY_ROLE'],
  [
    'a repository with a slash at the end',
    { build: { repository: 'https://git.example/org/app/' } },
    'E_REPO',
  ],
  ['a ref in another case', { build: { ref: 'refs/heads/Main' } }, 'E_REF'],
  ['a commit of 64 digits', { build: { commit: 'a'.repeat(64) } }, 'E_COMMIT_FORMAT'],
  ['a commit in upper case', { build: { commit: 'A'.repeat(40) } }, 'E_COMMIT_FORMAT'],
  ['an empty run id', { build: { invocationId: '' } }, 'E_PROVENANCE'],
  ['a run id with an escape sequence', { build: { invocationId: 'runs/\u001b[2J' } }, 'E_UNICODE'],
  ['a day that no calendar has', { build: { startedOn: '2026-02-30T00:00:00Z' } }, 'E_TIME_FORMAT'],
  ['a build that ends within the skew', { build: { finishedOn: '2026-11-22T12:01:00Z' } }, 'OK'],
  [
    'a build that ends past the skew',
    { build: { finishedOn: '2026-11-22T12:01:01Z' } },
    'E_TIME_FUTURE',
  ],
  ['tests that failed', { testResult: 'FAILED' }, 'E_TESTS_FAILED'],
  ['no tests', { testResult: 'missing' }, 'E_TESTS_MISSING'],
  [
    'a request for another build',
    { request: { provenance: 'f'.repeat(64) } },
    'E_PROVENANCE_DIGEST',
  ],
  ['a request without a release', { request: { release: '' } }, 'E_REQUEST'],
  ['a reason that turns the text around', { request: { reason: 'safe \u202e' } }, 'E_UNICODE'],
  [
    'a requester with a zero-width space',
    { request: { requester: { id: 'da\u200bna', idp: 'x' } } },
    'E_UNICODE',
  ],
  ['a request of tomorrow', { request: { requestedAt: '2026-11-23T12:00:00Z' } }, 'E_TIME_FUTURE'],
  [
    'a request whose time has an offset',
    { request: { requestedAt: '2026-11-22T12:00:00+01:00' } },
    'E_TIME_FORMAT',
  ],
  [
    'a request approved in advance',
    { requestBytes: replaced('"reason"', '"approved":true,"reason"') },
    'E_REQUEST',
  ],
  [
    'an unknown field in runDetails',
    { provenanceBytes: replaced('"runDetails":{', '"runDetails":{"byproducts":[],') },
    'E_PROVENANCE',
  ],
  [
    'a parameter that is no text',
    { provenanceBytes: replaced('"ref":"refs/heads/main"', '"ref":["refs/heads/main"]') },
    'E_EXT_PARAM',
  ],
  [
    'a subject with annotations',
    { provenanceBytes: replaced('"name":"app.tar.gz",', '"name":"app.tar.gz","uri":"x",') },
    'E_SUBJECT',
  ],
  [
    'a digest by two algorithms',
    { provenanceBytes: replaced('"digest":{"sha256"', '"digest":{"sha512":"x","sha256"') },
    'E_DIGEST_ALG',
  ],
  [
    'a statement with malformed UTF-8',
    {
      provenanceBytes: (bytes) =>
        Buffer.concat([bytes.subarray(0, 20), Buffer.of(0xff), bytes.subarray(21)]),
    },
    'E_ENCODING',
  ],
  [
    'a statement with a line feed after it',
    { provenanceBytes: (bytes) => Buffer.concat([bytes, Buffer.from('\n')]) },
    'E_NOT_CANONICAL',
  ],
  [
    'a number that loses digits',
    {
      provenanceBytes: replaced(
        '"internalParameters":{}',
        '"internalParameters":{"a":9007199254740993}',
      ),
    },
    'E_JSON_NUMBER',
  ],
  [
    'a second source',
    {
      provenanceBytes: replaced(
        '"resolvedDependencies":[',
        '"resolvedDependencies":[{"uri":"git+https://git.example/other@refs/heads/main","digest":{"gitCommit":"' +
          '2'.repeat(40) +
          '"}},',
      ),
    },
    'E_SOURCE_DEP',
  ],
  [
    'a second source under another scheme',
    {
      provenanceBytes: replaced(
        '"resolvedDependencies":[',
        '"resolvedDependencies":[{"uri":"https://git.example/other","digest":{"gitCommit":"' +
          '2'.repeat(40) +
          '"}},',
      ),
    },
    'E_SOURCE_DEP',
  ],
  [
    'a pipeline file without a blob',
    {
      provenanceBytes: replaced(
        `,{"uri":"file:.woodpecker/build.yaml","digest":{"gitBlob":"${'b'.repeat(40)}"}}`,
        '',
      ),
    },
    'E_PIPELINE_DIGEST',
  ],
  [
    'a pipeline blob that is not the one in git',
    { build: { pipelineBlob: 'c'.repeat(40) } },
    'E_PIPELINE_DIGEST',
  ],
  [
    'a commit that our mirror does not have',
    { build: { commit: '9'.repeat(40) } },
    'E_GIT_UNKNOWN',
  ],
  [
    'another artifact name',
    { build: { subject: { name: 'b.tar.gz', sha256: world.build.subject.sha256 } } },
    'E_SUBJECT_NAME',
  ],
  ['rotation: old and new key', { provenanceKeys: [main, world.keys.secondBuilder] }, 'OK'],
];
for (const [name, change, code] of changes) {
  test(`${name}: ${code}`, () => {
    assert.equal(codeOf(world.bundle(change)), code);
  });
}

test('an envelope has its three fields, and a signature its two', () => {
  const [line = '', ...rest] = world.lines();
  const change = (from: string, to: string) => {
    assert.ok(line.includes(from));
    return codeOf(join([line.replace(from, to), ...rest]));
  };
  assert.equal(change('"signatures":[', '"signatures":{},"x":['), 'E_ENVELOPE');
  assert.equal(change('"signatures":[{', '"signatures":[null,{'), 'E_ENVELOPE');
  assert.equal(change('{"keyid"', '{"cert":"x","keyid"'), 'E_ENVELOPE');
  assert.equal(change('"keyid":"', '"keyid":1,"kid":"'), 'E_ENVELOPE');
  assert.equal(change('"sig":"', '"sig":1,"sog":"'), 'E_ENVELOPE');
  assert.equal(
    codeOf(join([line.replace(/"signatures":.*$/, '"signatures":{}}'), ...rest])),
    'E_ENVELOPE',
  );
  assert.equal(codeOf(join([line.replace(/"keyid":"[^"]*"/, '"keyid":1'), ...rest])), 'E_ENVELOPE');
});

test('a defect of ours is an exception and never a refusal that looks like the sender’s fault', () => {
  const git = () => {
    throw new RangeError('defect');
  };
  assert.throws(() => admit(world.input(good, { git })), RangeError);
});

test('two statements of one kind are refused, also when they are the same', () => {
  const [provenance = '', tests = '', request = ''] = world.lines();
  assert.equal(codeOf(join([provenance, tests, request, provenance])), 'E_PREDICATE_DUP');
  assert.equal(codeOf(join([provenance, tests, tests, request])), 'E_PREDICATE_DUP');
});

test('the order of the lines does not matter', () => {
  assert.equal(codeOf(join(world.lines().reverse())), 'OK');
});

test('framing: empty, blank lines, one line feed missing, one too many', () => {
  const [first = '', ...rest] = world.lines();
  for (const text of [
    '',
    '\n',
    `${first}\n\n${rest.join('\n')}\n`,
    `${[first, ...rest].join('\n')}\n\n`,
    [first, ...rest].join('\n'),
  ]) {
    assert.equal(codeOf(Buffer.from(text)), 'E_BUNDLE');
  }
});

test('threshold two needs two builder keys, and a test key is none', () => {
  const two = withPolicy({ threshold: 2 });
  const { builder, secondBuilder, tester, prBuilder } = world.keys;
  assert.equal(codeOf(world.bundle({ provenanceKeys: [builder, secondBuilder] }), two), 'OK');
  assert.equal(codeOf(world.bundle({ provenanceKeys: [builder, tester] }), two), 'E_THRESHOLD');
  assert.equal(codeOf(world.bundle({ provenanceKeys: [builder, prBuilder] }), two), 'E_THRESHOLD');
  assert.equal(codeOf(world.bundle({ provenanceKeys: [builder, builder] }), two), 'E_SIG_DUP');
});

test('a target without required tests still refuses tests that failed', () => {
  const lenient = withPolicy({ requireTests: false });
  assert.equal(codeOf(world.bundle({ testResult: 'missing' }), lenient), 'OK');
  assert.equal(codeOf(world.bundle({ testResult: 'FAILED' }), lenient), 'E_TESTS_FAILED');
});

test('a target without a policy, or with the policy of another target, is refused', () => {
  assert.equal(codeOf(good, { target: 'prod-us' }), 'E_TARGET');
  assert.equal(codeOf(good, { policies: new Map() }), 'E_TARGET');
  assert.equal(codeOf(good, withPolicy({ target: 'prod-us' })), 'E_TARGET');
});

test('each git fact is needed by itself', () => {
  const facts = (changed: Partial<typeof world.commitFacts>): Partial<AdmissionInput> => ({
    git: () => ({ ...world.commitFacts, ...changed }),
  });
  assert.equal(codeOf(good, { git: () => null }), 'E_GIT_UNKNOWN');
  assert.equal(codeOf(good, facts({ onMain: false })), 'E_GIT_NOT_ON_MAIN');
  assert.equal(codeOf(good, facts({ firstParent: false })), 'E_GIT_NOT_FIRST_PARENT');
  assert.equal(codeOf(good, facts({ signed: false })), 'E_GIT_UNSIGNED');
  assert.equal(codeOf(good, facts({ blobs: {} })), 'E_PIPELINE_DIGEST');
  assert.equal(
    codeOf(good, { ...facts({ signed: false }), ...withPolicy({ requireSignedCommit: false }) }),
    'OK',
  );
});

test('history: the same envelope, the same payload, one run with two artifacts, an older commit', () => {
  const admitted = admit(world.input(good));
  assert.ok(admitted.ok);
  const { facts } = admitted;
  const state = (changed: Partial<AdmissionInput['state']>): Partial<AdmissionInput> => ({
    state: { ...world.input(good).state, ...changed },
  });
  assert.equal(codeOf(good, state({ envelopes: new Set([facts.envelopeDigest]) })), 'E_REPLAY');
  assert.equal(codeOf(good, state({ payloads: new Set([facts.provenanceDigest]) })), 'E_REPLAY');
  const run = (digest: string) => state({ invocations: new Map([[facts.invocationId, digest]]) });
  assert.equal(codeOf(good, run('e'.repeat(64))), 'E_EQUIVOCATION');
  assert.equal(codeOf(good, run(facts.artifactDigest)), 'OK');
  assert.equal(codeOf(good, state({ lastPosition: 11 })), 'E_ROLLBACK');
  assert.equal(codeOf(good, state({ lastPosition: 10 })), 'OK');
});

test('a signature rewritten without the key makes another envelope and is still a replay', () => {
  const admitted = admit(world.input(good));
  assert.ok(admitted.ok);
  const again = world.bundle();
  const second = admit(world.input(again));
  assert.ok(second.ok);
  assert.notEqual(second.facts.envelopeDigest, admitted.facts.envelopeDigest);
  const payloads = new Set([admitted.facts.provenanceDigest]);
  assert.equal(codeOf(again, { state: { ...world.input(again).state, payloads } }), 'E_REPLAY');
});

test('at a later check key windows count as of receipt, revocation and age as of now', () => {
  const receivedAt = world.now;
  const expiring = createBundleWorld();
  const key = expiring.enrol('ed25519', ['provenance'], [expiring.build.builderId], {
    notAfter: '2026-11-22T12:00:00Z',
  });
  const bundle = expiring.bundle({ provenanceKeys: [key] });
  const check = (now: string, rows = expiring.rows) => {
    const result = verifyPromotionBundle(
      expiring.input(bundle, { now: new Date(now), receivedAt, trust: importTrust(rows) }),
    );
    return result.ok ? 'OK' : result.code;
  };
  assert.equal(check('2026-11-24T12:00:00Z'), 'OK');
  assert.equal(check('2026-12-07T12:00:00Z'), 'E_STALE');
  const revoked = expiring.rows.map((row) =>
    row.keyid === key.keyid ? { ...row, revokedAt: '2026-11-23T00:00:00Z' } : row,
  );
  assert.equal(check('2026-11-24T12:00:00Z', revoked), 'E_KEY_REVOKED');
});

test('the two halves decide as the whole does', () => {
  const { trust, policies, artifact, state } = world.input(good);
  const half = verifyPromotionBundle({
    bundle: good,
    artifact,
    target: 'prod-eu',
    policies,
    trust,
    now: world.now,
  });
  assert.ok(half.ok);
  const known = { policy: world.policy, commit: world.commitFacts, state };
  assert.deepEqual(decideAdmission(half.bundle, known), admit(world.input(good)));
});

test('every code has a meaning and a mend of a full sentence', () => {
  for (const [code, { meaning, mend }] of Object.entries(admissionCodes)) {
    assert.match(code, /^E_[A-Z0-9_]+$/);
    for (const text of [meaning, mend]) assert.match(text, /^[A-Z].{9,}\.$/, code);
  }
});
