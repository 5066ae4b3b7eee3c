import { pipelineBuildType } from '../constants.ts';
import type { TargetPolicy } from './target-policy.ts';

/** What a bundle must state to be admitted for one target. Every text is compared exactly. */
export type AdmissionPolicy = {
  readonly buildType: string;
  readonly builderId: string;
  readonly repository: string;
  readonly ref: string;
  readonly pipeline: string;
  readonly release: string;
  readonly target: string;
  readonly subjectName: string;
  /** Distinct builder keys that must have signed the provenance; 1 to 8. */
  readonly threshold: number;
  readonly maxAgeSeconds: number;
  /** How far a clock of nonprod may be ahead of ours. */
  readonly skewSeconds: number;
  readonly requireTests: boolean;
  readonly requireSignedCommit: boolean;
};

/** Clocks on two machines under NTP differ by far less; more would let a build date itself into the future. */
const skewSeconds = 60;

/** The admission half of a target file. The file admits exactly one repository, one ref and one builder. */
export function admissionPolicyOf(policy: TargetPolicy): AdmissionPolicy {
  const [admits] = policy.admits;
  const [ref] = admits?.refs ?? [];
  if (admits === undefined || ref === undefined) {
    throw new TypeError('a parsed target file has one entry in admits and one ref in it');
  }
  return {
    buildType: pipelineBuildType,
    builderId: admits.builders.id,
    repository: admits.repo,
    ref,
    pipeline: admits.pipeline,
    release: admits.releaseFile,
    target: policy.target,
    subjectName: admits.subject,
    threshold: admits.builders.threshold,
    maxAgeSeconds: admits.maxAge,
    skewSeconds,
    requireTests: admits.tests === 'required',
    requireSignedCommit: admits.signedCommits === 'required',
  };
}
