import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttestationError } from '../intoto/attestation.ts';
import { statementBytes } from '../intoto/statement.ts';
import { verificationSummaryPredicate } from '../constants.ts';
import {
  parseVerificationSummary,
  verificationSummaryStatement,
  type SummaryFacts,
} from './vsa.ts';

const sha = (letter: string): string => letter.repeat(64);
const subject = { name: 'app.oci.tar', sha256: sha('a') };
const facts: SummaryFacts = {
  gate: 'https://gate.example',
  target: 'prod-eu',
  subject,
  policy: sha('b'),
  inputs: [sha('c'), sha('d')],
  timeVerified: '2026-11-22T12:00:00.000Z',
  levels: ['SLSA_BUILD_LEVEL_2', 'AIRLOCK_SOURCE_ON_MAIN'],
  version: '0.1.0',
};

test('a summary says exactly what SLSA 1.2 asks for, with the target in its resource', () => {
  const { predicate } = parseVerificationSummary(verificationSummaryStatement(facts));
  assert.deepEqual(predicate, {
    verifier: { id: 'https://gate.example/airlock/prod-gate/v1', version: { airlock: '0.1.0' } },
    timeVerified: '2026-11-22T12:00:00.000Z',
    resourceUri: 'https://gate.example/targets/prod-eu/app.oci.tar',
    policy: { uri: 'https://gate.example/policies/prod-eu', digest: { sha256: sha('b') } },
    inputAttestations: [
      { uri: `https://gate.example/cas/sha256/${sha('c')}`, digest: { sha256: sha('c') } },
      { uri: `https://gate.example/cas/sha256/${sha('d')}`, digest: { sha256: sha('d') } },
    ],
    verificationResult: 'PASSED',
    verifiedLevels: ['SLSA_BUILD_LEVEL_2', 'AIRLOCK_SOURCE_ON_MAIN'],
    slsaVersion: '1.2',
  });
});

test('what failed has the one level FAILED, and may be of a target without a file', () => {
  const bytes = verificationSummaryStatement({ ...facts, levels: null, policy: null });
  const { predicate } = parseVerificationSummary(bytes);
  assert.equal(predicate.verificationResult, 'FAILED');
  assert.deepEqual(predicate.verifiedLevels, ['FAILED']);
  assert.deepEqual(predicate.policy, { uri: 'https://gate.example/policies/prod-eu' });
});

const unsound: readonly [string, Partial<SummaryFacts>][] = [
  ['two levels of one SLSA track', { levels: ['SLSA_BUILD_LEVEL_2', 'SLSA_BUILD_LEVEL_3'] }],
  ['a level of ours that begins with SLSA_', { levels: ['SLSA_AIRLOCK_APPROVED'] }],
  ['FAILED among others', { levels: ['FAILED', 'AIRLOCK_SOURCE_ON_MAIN'] }],
  ['a level twice', { levels: ['AIRLOCK_SOURCE_ON_MAIN', 'AIRLOCK_SOURCE_ON_MAIN'] }],
  ['no level at all', { levels: [] }],
  ['no attestation that was looked at', { inputs: [] }],
  ['PASSED without a policy', { policy: null }],
];
for (const [claim, change] of unsound) {
  test(`no summary is made with ${claim}`, () => {
    assert.throws(() => verificationSummaryStatement({ ...facts, ...change }), AttestationError);
  });
}

test('a summary with a field that SLSA does not name is refused', () => {
  const { predicate } = parseVerificationSummary(verificationSummaryStatement(facts));
  const bytes = statementBytes(subject, verificationSummaryPredicate, {
    ...predicate,
    policy: { uri: predicate.policy.uri, digest: { sha256: sha('b') } },
    waived: true,
  });
  assert.throws(() => parseVerificationSummary(bytes), AttestationError);
});

test('another statement is no summary', () => {
  const bytes = statementBytes(subject, 'https://slsa.dev/provenance/v1', {});
  assert.throws(() => parseVerificationSummary(bytes), /predicateType/);
});
