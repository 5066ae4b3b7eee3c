/** What our own git mirror and our own records say about a bundle whose signatures and claims hold. */
import type { AdmissionPolicy } from '../policy/admission-policy.ts';
import { AdmissionError } from './admission-codes.ts';

/** Where a commit stands, as a mirror of our own has it. */
export type CommitPlace = {
  readonly onMain: boolean;
  /** Main itself once pointed at it; a commit that came inside a merge was never main. */
  readonly firstParent: boolean;
  /** Place on main's first-parent line, counted from the root; grows with every merge. */
  readonly position: number;
  /** Git blob id by path at this commit; absent or null where there is no such file. */
  readonly blobs: Readonly<Record<string, string | null>>;
};

export type CommitFacts = CommitPlace & {
  /** By the rules of trust/commit-signature.ts. */
  readonly signed: boolean;
  /** Why it does not count as signed, continuing "the commit …". */
  readonly unsignedBecause?: string;
};

/** What was admitted and delivered before. Envelopes, payloads and the position are those of this target alone. */
export type AdmissionState = {
  /** SHA-256 of provenance envelopes admitted before for this target. */
  readonly envelopes: ReadonlySet<string>;
  /** SHA-256 of provenance payloads admitted before for this target. */
  readonly payloads: ReadonlySet<string>;
  /** Artifact digest by run id, over all targets. */
  readonly invocations: ReadonlyMap<string, string>;
  /** Position of the last delivery to this target; null before the first. */
  readonly lastPosition: number | null;
};

type Build = {
  readonly commit: string;
  readonly pipeline: string;
  readonly pipelineBlob: string;
};

/** @throws AdmissionError `E_GIT_…` or `E_PIPELINE_DIGEST`. */
export function checkGitFacts(
  facts: CommitFacts | null,
  build: Build,
  policy: Pick<AdmissionPolicy, 'requireSignedCommit'>,
): CommitFacts {
  const { commit } = build;
  if (facts === null)
    throw new AdmissionError('E_GIT_UNKNOWN', `no commit ${commit} in our mirror`);
  if (!facts.onMain) throw new AdmissionError('E_GIT_NOT_ON_MAIN', `${commit} is not on main`);
  if (!facts.firstParent) {
    throw new AdmissionError(
      'E_GIT_NOT_FIRST_PARENT',
      `${commit} is not on main's first-parent line`,
    );
  }
  if (policy.requireSignedCommit && !facts.signed) {
    throw new AdmissionError(
      'E_GIT_UNSIGNED',
      `${commit} ${facts.unsignedBecause ?? 'is not signed by an allowed key'}`,
    );
  }
  const blob = Object.hasOwn(facts.blobs, build.pipeline) ? facts.blobs[build.pipeline] : null;
  if (blob !== build.pipelineBlob) {
    throw new AdmissionError(
      'E_PIPELINE_DIGEST',
      `${build.pipeline} at ${commit} is ${blob ?? 'absent'}, the build ran ${build.pipelineBlob}`,
    );
  }
  return facts;
}

type Seen = {
  readonly envelopeDigest: string;
  readonly provenanceDigest: string;
  readonly invocationId: string;
  readonly artifactDigest: string;
};

/** @throws AdmissionError `E_REPLAY`, `E_EQUIVOCATION`, `E_ROLLBACK`. */
export function checkHistory(state: AdmissionState, seen: Seen, position: number): void {
  // The payload, too: an ECDSA signature can be rewritten without the key, which makes a new envelope of an old build.
  if (state.envelopes.has(seen.envelopeDigest) || state.payloads.has(seen.provenanceDigest)) {
    throw new AdmissionError('E_REPLAY', `provenance ${seen.provenanceDigest} was admitted before`);
  }
  const before = state.invocations.get(seen.invocationId);
  if (before !== undefined && before !== seen.artifactDigest) {
    throw new AdmissionError(
      'E_EQUIVOCATION',
      `run ${seen.invocationId} gave artifact ${before} before and ${seen.artifactDigest} now`,
    );
  }
  if (state.lastPosition !== null && !(position >= state.lastPosition)) {
    throw new AdmissionError(
      'E_ROLLBACK',
      `position ${position} on main; ${state.lastPosition} was delivered last`,
    );
  }
}
