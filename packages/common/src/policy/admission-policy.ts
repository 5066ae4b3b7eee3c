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

/** What a target asks of builders, beside what its admission asks of the one that built first. */
export type BuilderRule = {
  /** How many builders that do not depend on each other must have made the same bytes; the main one counts. 1 or more. */
  readonly need: number;
  /** The builders that are asked to build again. */
  readonly of: readonly string[];
};

/**
 * @param wish `reproduce` of the release file at the commit: it raises what the target asks for and never lowers it.
 */
export function builderRuleOf(policy: TargetPolicy, wish: number): BuilderRule {
  const { threshold, of } = policy.admits[0]?.builders ?? { threshold: 1, of: [] };
  return { need: Math.max(of.length === 0 ? 1 : threshold, wish), of };
}

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
    // Builders that build again answer for themselves, later: see countBuilders.
    threshold: admits.builders.of.length === 0 ? admits.builders.threshold : 1,
    maxAgeSeconds: admits.maxAge,
    skewSeconds,
    requireTests: admits.tests === 'required',
    requireSignedCommit: admits.signedCommits === 'required',
  };
}
