/**
 * The verification summary (VSA) by which the gate tells others what it found of an artifact, so that they need not verify
 * the bundle themselves.
 *
 * @see SLSA 1.2, "Verification Summary Attestation"
 */
import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { verificationSummaryPredicate } from '../constants.ts';
import { checkedPredicate, parseAttestation } from '../intoto/attestation.ts';
import { statementBytes, type Subject } from '../intoto/statement.ts';
import { maxSummaryItems, maxTextLength } from '../limits.ts';
import { Sha256Hex, Timestamp } from '../wire/scalars.ts';

const Uri = z.string().min(1).max(maxTextLength);
const Digest = z.strictObject({ sha256: Sha256Hex });

/** What the levels of a summary that failed are: this one word. */
const failedLevel = 'FAILED';

export const VerificationSummary = z
  .strictObject({
    verifier: z.strictObject({ id: Uri, version: z.strictObject({ airlock: z.string().min(1) }) }),
    timeVerified: Timestamp,
    resourceUri: Uri.describe('Names the target, so that the summary for one is none for another.'),
    policy: z.strictObject({
      uri: Uri,
      digest: Digest.optional().describe('Absent where the gate has no file for the target.'),
    }),
    inputAttestations: z
      .array(z.strictObject({ uri: Uri, digest: Digest }))
      .min(1)
      .max(maxSummaryItems)
      .describe('Every attestation that was looked at, and no other.'),
    verificationResult: z.enum(['PASSED', 'FAILED']),
    verifiedLevels: z
      .array(z.string().regex(/^(SLSA|AIRLOCK)_[A-Z0-9_]{1,60}$|^FAILED$/))
      .min(1)
      .max(maxSummaryItems),
    slsaVersion: z.literal('1.2'),
  })
  .superRefine((summary, context) => {
    const fault = levelFault(summary);
    if (fault !== null) {
      context.addIssue({ code: 'custom', path: ['verifiedLevels'], message: fault });
    }
    if (summary.verificationResult === 'PASSED' && summary.policy.digest === undefined) {
      context.addIssue({ code: 'custom', path: ['policy'], message: 'PASSED without a policy' });
    }
  });
export type VerificationSummary = z.infer<typeof VerificationSummary>;

/** One SLSA level a track, for the highest one holds the others; and FAILED alone. */
function levelFault(summary: {
  readonly verificationResult: 'PASSED' | 'FAILED';
  readonly verifiedLevels: readonly string[];
}): string | null {
  const { verificationResult, verifiedLevels: levels } = summary;
  if (new Set(levels).size !== levels.length) return 'a level stands twice';
  if (verificationResult === 'FAILED') {
    return levels.length === 1 && levels[0] === failedLevel ? null : 'FAILED alone expected';
  }
  if (levels.includes(failedLevel)) return 'FAILED among the levels of what passed';
  const tracks = levels.flatMap((level) => /^SLSA_([A-Z]+)_LEVEL_\d$/.exec(level)?.[1] ?? []);
  if (levels.filter((level) => level.startsWith('SLSA_')).length !== tracks.length) {
    return 'a level that begins with SLSA_ and is none of SLSA';
  }
  return new Set(tracks).size === tracks.length ? null : 'two levels of one SLSA track';
}

/** `verifier.id` of the gate at this origin. */
export const verifierId = (gate: string): string => `${gate}/airlock/prod-gate/v1`;
/** What a consumer must ask for: the artifact's place on one target. */
export const resourceUri = (gate: string, target: string, subjectName: string): string =>
  `${gate}/targets/${target}/${subjectName}`;
export const policyUri = (gate: string, target: string): string => `${gate}/policies/${target}`;
/** Where the gate keeps what it looked at, by content. */
export const contentUri = (gate: string, sha256: string): string => `${gate}/cas/sha256/${sha256}`;

/** What the gate found of one artifact for one target. */
export type SummaryFacts = {
  /** Origin of the gate, such as https://gate.example. */
  readonly gate: string;
  readonly target: string;
  readonly subject: Subject;
  /** SHA-256 of the target file; null where there is none. */
  readonly policy: string | null;
  /** SHA-256 of every attestation that was looked at. */
  readonly inputs: readonly string[];
  /** RFC 3339 UTC. */
  readonly timeVerified: string;
  /** Levels that were verified; null when it failed. */
  readonly levels: readonly string[] | null;
  /** Version of this gate's code. */
  readonly version: string;
};

/** The bytes of the summary to sign. @throws AttestationError when the facts break a rule of SLSA. */
export function verificationSummaryStatement(facts: SummaryFacts): Buffer {
  const { gate, target, subject, policy, levels } = facts;
  const summary = checkedPredicate(VerificationSummary, {
    verifier: { id: verifierId(gate), version: { airlock: facts.version } },
    timeVerified: facts.timeVerified,
    resourceUri: resourceUri(gate, target, subject.name),
    policy: {
      uri: policyUri(gate, target),
      ...(policy === null ? {} : { digest: { sha256: policy } }),
    },
    inputAttestations: facts.inputs.map((sha256) => ({
      uri: contentUri(gate, sha256),
      digest: { sha256 },
    })),
    verificationResult: levels === null ? 'FAILED' : 'PASSED',
    verifiedLevels: levels ?? [failedLevel],
    slsaVersion: '1.2',
  });
  const { verifier, timeVerified, resourceUri: resource } = summary;
  const digestOf = summary.policy.digest;
  return statementBytes(subject, verificationSummaryPredicate, {
    verifier,
    timeVerified,
    resourceUri: resource,
    policy: {
      uri: summary.policy.uri,
      ...(digestOf === undefined ? {} : { digest: { sha256: digestOf.sha256 } }),
    },
    inputAttestations: summary.inputAttestations,
    verificationResult: summary.verificationResult,
    verifiedLevels: summary.verifiedLevels,
    slsaVersion: summary.slsaVersion,
  });
}

/** @throws EncodingError, StatementError, AttestationError. */
export function parseVerificationSummary(bytes: Uint8Array): {
  readonly subject: Subject;
  readonly predicate: VerificationSummary;
} {
  return parseAttestation(bytes, verificationSummaryPredicate, VerificationSummary);
}
