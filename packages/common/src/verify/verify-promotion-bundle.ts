/**
 * The chain by which a bundle is admitted, as named steps in a fixed order; the first fault decides the code.
 *
 * `verifyPromotionBundle` judges the bytes alone. `decideAdmission` adds what only we know: our git mirror and what was
 * admitted before. They are two because the commit to look up is known only after the first. `admit` is both.
 */
import { sha256Hex } from '../encoding/hex.ts';
import { AirlockError } from '../errors.ts';
import type { AdmissionPolicy } from '../policy/admission-policy.ts';
import type { TrustStore } from '../trust/signer.ts';
import { AdmissionError, isAdmissionCode, type AdmissionCode } from './admission-codes.ts';
import { checkPromotionRequest, checkTestResult } from './check-evidence.ts';
import { checkProvenance } from './check-provenance.ts';
import {
  checkGitFacts,
  checkHistory,
  type AdmissionState,
  type CommitFacts,
} from './decide-admission.ts';
import { readBundle } from './read-bundle.ts';

/** The artifact's bytes, or their SHA-256 where it was computed while they were written to the store. */
export type ArtifactInput = { readonly bytes: Uint8Array } | { readonly sha256: string };

export type BundleInput = {
  readonly bundle: Uint8Array;
  readonly artifact: ArtifactInput;
  /** The target asked for, by whoever offers the bundle; the signed request must name the same. */
  readonly target: string;
  /** Policies by target; a target without one is refused. */
  readonly policies: ReadonlyMap<string, AdmissionPolicy>;
  readonly trust: TrustStore;
  readonly now: Date;
  /**
   * When the bundle first came, where that is not now: a later check judges key windows and future dates as of then,
   * revocation and age as of `now`.
   */
  readonly receivedAt?: Date;
};

export type AdmissionInput = BundleInput & {
  /** The commit as our own mirror has it; null when it does not. */
  readonly git: (commit: string) => CommitFacts | null;
  readonly state: AdmissionState;
};

declare const verified: unique symbol;

/** What signatures and policy vouch for. Made by `verifyPromotionBundle` alone. */
export type VerifiedBundle = BundleFacts & { readonly [verified]: true };

export type BundleFacts = {
  readonly target: string;
  readonly release: string;
  readonly requester: { readonly id: string; readonly idp: string };
  readonly reason: string;
  readonly requestedAt: string;
  readonly subjectName: string;
  readonly artifactDigest: string;
  readonly repository: string;
  readonly ref: string;
  readonly commit: string;
  readonly pipeline: string;
  readonly pipelineBlob: string;
  /** SHA-256 of the plan that ran, as provenance states it; null where it states none. For `checkPlan`. */
  readonly planDigest: string | null;
  /** SHA-256 of the software of each runner that provenance names. For `checkPlan`. */
  readonly runnerImages: readonly string[];
  /** Which runner built, as the builder says; null where it says none. */
  readonly claimedRunner: string | null;
  readonly releaseFile: string;
  readonly builderId: string;
  /** Keys that counted for the provenance. */
  readonly keyIds: readonly string[];
  readonly invocationId: string;
  readonly startedOn: string;
  readonly finishedOn: string;
  /** SHA-256 of the provenance payload. */
  readonly provenanceDigest: string;
  /** SHA-256 of the provenance envelope, the line without LF. */
  readonly envelopeDigest: string;
  /** SHA-256 of the whole bundle. */
  readonly bundleDigest: string;
};

/** Everything the gate records of an admitted bundle. All of it was checked. */
export type AdmittedFacts = BundleFacts & {
  /** Place of the commit on main's first-parent line. */
  readonly position: number;
};

export type Refusal = {
  readonly ok: false;
  readonly code: AdmissionCode;
  /** For people: what was expected and what was found. May quote what the sender wrote, escaped. */
  readonly detail: string;
};
export type BundleResult = { readonly ok: true; readonly bundle: VerifiedBundle } | Refusal;
export type AdmissionResult = { readonly ok: true; readonly facts: AdmittedFacts } | Refusal;

/** Judges the bundle's bytes: framing, signatures, statements, policy, artifact. Needs neither git nor records. */
export function verifyPromotionBundle(input: BundleInput): BundleResult {
  return orRefusal(() => ({ ok: true, bundle: verifyBundle(input) }));
}

/** Adds our own mirror and records. The policy is the one of `bundle.target`. */
export function decideAdmission(
  bundle: VerifiedBundle,
  known: {
    readonly policy: AdmissionPolicy;
    readonly commit: CommitFacts | null;
    readonly state: AdmissionState;
  },
): AdmissionResult {
  return orRefusal(() => {
    const { position } = checkGitFacts(known.commit, bundle, known.policy);
    checkHistory(known.state, bundle, position);
    return { ok: true, facts: { ...bundle, position } };
  });
}

/**
 * May this bundle be admitted?
 *
 * Never throws for anything a sender can do: every fault is a refusal with the code of the first check that failed.
 */
export function admit(input: AdmissionInput): AdmissionResult {
  const result = verifyPromotionBundle(input);
  if (!result.ok) return result;
  const { bundle } = result;
  return orRefusal(() =>
    decideAdmission(bundle, {
      policy: policyOf(input),
      commit: input.git(bundle.commit),
      state: input.state,
    }),
  );
}

function verifyBundle(input: BundleInput): VerifiedBundle {
  const at = { now: input.now, receivedAt: input.receivedAt ?? input.now };
  const statements = readBundle(input.bundle, input.trust, at);
  const policy = policyOf(input);
  const { provenance } = statements;
  if (provenance === null) {
    throw new AdmissionError('E_PROVENANCE_MISSING', 'the bundle has no provenance');
  }
  const build = checkProvenance(provenance, policy, at);
  const { subject } = provenance.statement;
  checkArtifact(input.artifact, subject.sha256);
  checkTestResult(statements.testResult, subject, policy);
  const request = checkPromotionRequest(statements.promotionRequest, provenance, policy, at);
  const facts: BundleFacts = {
    target: request.target,
    release: request.release,
    requester: request.requester,
    reason: request.reason,
    requestedAt: request.requestedAt,
    subjectName: subject.name,
    artifactDigest: subject.sha256,
    repository: policy.repository,
    ref: policy.ref,
    pipeline: policy.pipeline,
    releaseFile: policy.release,
    ...build,
    provenanceDigest: provenance.payloadDigest,
    envelopeDigest: provenance.envelopeDigest,
    bundleDigest: sha256Hex(input.bundle),
  };
  // The brand is made here and nowhere else.
  return facts as VerifiedBundle;
}

function policyOf(input: BundleInput): AdmissionPolicy {
  const policy = input.policies.get(input.target);
  if (policy === undefined || policy.target !== input.target) {
    throw new AdmissionError(
      'E_TARGET',
      `no policy for target ${JSON.stringify(input.target.slice(0, 63))}`,
    );
  }
  return policy;
}

function checkArtifact(artifact: ArtifactInput, claimed: string): void {
  const found = 'bytes' in artifact ? sha256Hex(artifact.bytes) : artifact.sha256;
  if (found !== claimed) {
    throw new AdmissionError(
      'E_ARTIFACT_DIGEST',
      `the artifact is sha256 ${found}, the provenance names ${claimed}`,
    );
  }
}

/** Turns the typed errors of the steps into a refusal; anything else is a defect of ours and stays an exception. */
function orRefusal<Result>(step: () => Result): Result | Refusal {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof AirlockError) || !isAdmissionCode(error.code)) throw error;
    return { ok: false, code: error.code, detail: error.message };
  }
}
