/** What the signed provenance claims about the build, each claim compared with what the target admits. */
import type { z } from 'zod';
import { isGitObjectId, isSha256Hex } from '../encoding/hex.ts';
import { isPrintableAscii } from '../encoding/utf8.ts';
import { maxTextLength } from '../limits.ts';
import type { AdmissionPolicy } from '../policy/admission-policy.ts';
import {
  externalParameterNames,
  fileDependencyUri,
  planDependencyUri,
  Provenance,
  runnerImageUri,
  sourceDependencyUri,
} from '../slsa/provenance.ts';
import { parseTimestamp } from '../time.ts';
import { AdmissionError } from './admission-codes.ts';
import { requireSigners } from './check-signers.ts';
import type { SignedStatement } from './read-bundle.ts';

export type Moments = { readonly receivedAt: Date; readonly now: Date };

/** What is known of the build once the provenance is believed. The commit is still to be looked up in our mirror. */
export type BuildClaims = {
  readonly builderId: string;
  readonly keyIds: readonly string[];
  readonly commit: string;
  readonly pipelineBlob: string;
  readonly planDigest: string | null;
  readonly runnerImages: readonly string[];
  /** Which runner built, as the builder says; null where it says none. Nothing is admitted because of it. */
  readonly claimedRunner: string | null;
  readonly invocationId: string;
  readonly startedOn: string;
  readonly finishedOn: string;
};

/** @throws AdmissionError or TimeError at the first claim that does not hold. */
export function checkProvenance(
  signed: SignedStatement,
  policy: AdmissionPolicy,
  at: Moments,
): BuildClaims {
  const { buildDefinition, runDetails } = provenanceShape(signed.statement.predicate);
  const builderId = runDetails.builder.id;
  if (buildDefinition.buildType !== policy.buildType) {
    throw expected('E_BUILD_TYPE', 'buildType', policy.buildType, buildDefinition.buildType);
  }
  if (builderId !== policy.builderId) {
    throw expected('E_BUILDER_ID', 'builder.id', policy.builderId, builderId);
  }
  const counting = requireSigners(signed.signers, 'provenance', policy.builderId, policy.threshold);
  checkExternalParameters(buildDefinition.externalParameters, policy);
  const { name } = signed.statement.subject;
  if (name !== policy.subjectName) {
    throw expected('E_SUBJECT_NAME', 'the subject', policy.subjectName, name);
  }
  const commit = sourceCommit(buildDefinition.resolvedDependencies, policy);
  const pipelineBlob = statedPipelineBlob(buildDefinition.resolvedDependencies, policy);
  const planDigest = statedPlan(buildDefinition.resolvedDependencies, policy);
  const runnerImages = statedImages(buildDefinition.resolvedDependencies);
  const { invocationId, startedOn, finishedOn } = runDetails.metadata;
  checkRunId(invocationId);
  checkTimes(startedOn, finishedOn, policy, at);
  return {
    builderId,
    keyIds: counting.map((signer) => signer.keyid),
    commit,
    pipelineBlob,
    planDigest,
    runnerImages,
    claimedRunner: buildDefinition.internalParameters.runner ?? null,
    invocationId,
    startedOn,
    finishedOn,
  };
}

function provenanceShape(predicate: unknown): Provenance {
  const parsed = Provenance.safeParse(predicate);
  if (!parsed.success) throw new AdmissionError('E_PROVENANCE', firstIssue(parsed.error));
  return parsed.data;
}

/** The first fault that zod found, as `path: what`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'malformed' : `${issue.path.join('.')}: ${issue.message}`;
}

function checkExternalParameters(
  parameters: Readonly<Record<string, unknown>>,
  policy: AdmissionPolicy,
): void {
  const found = Object.keys(parameters);
  const isExact =
    found.length === externalParameterNames.length &&
    externalParameterNames.every((name) => Object.hasOwn(parameters, name));
  if (!isExact) {
    throw new AdmissionError(
      'E_EXT_PARAM',
      `exactly ${externalParameterNames.join(', ')} expected, found ${found.length} parameters`,
    );
  }
  const text = (name: (typeof externalParameterNames)[number]): string => {
    const value = parameters[name];
    if (typeof value !== 'string') {
      throw new AdmissionError('E_EXT_PARAM', `parameter ${name} is not a text`);
    }
    // Before any comparison, so that a look-alike is named for what it is.
    if (!isPrintableAscii(value)) {
      throw new AdmissionError('E_UNICODE', `parameter ${name} is not printable ASCII`);
    }
    return value;
  };
  const [repository, ref, pipeline, release] = [
    text('repository'),
    text('ref'),
    text('pipeline'),
    text('release'),
  ];
  if (repository !== policy.repository) {
    throw expected('E_REPO', 'repository', policy.repository, repository);
  }
  if (ref !== policy.ref) throw expected('E_REF', 'ref', policy.ref, ref);
  if (pipeline !== policy.pipeline) {
    throw expected('E_PIPELINE_PATH', 'pipeline', policy.pipeline, pipeline);
  }
  if (release !== policy.release) {
    throw expected('E_RELEASE_PATH', 'release', policy.release, release);
  }
}

type Dependencies = Provenance['buildDefinition']['resolvedDependencies'];

function sourceCommit(dependencies: Dependencies, policy: AdmissionPolicy): string {
  // Whatever looks like a source counts: a second one, under any name, would leave open which was built.
  const sources = dependencies.filter(
    ({ uri, digest }) => uri.startsWith('git+') || Object.hasOwn(digest, 'gitCommit'),
  );
  const [source] = sources;
  const uri = sourceDependencyUri(policy.repository, policy.ref);
  if (source === undefined || sources.length !== 1 || source.uri !== uri) {
    throw new AdmissionError('E_SOURCE_DEP', `exactly one source, ${uri}, expected`);
  }
  const commit = source.digest['gitCommit'];
  if (commit === undefined || Object.keys(source.digest).length !== 1) {
    throw new AdmissionError('E_SOURCE_DEP', 'a source named by gitCommit alone expected');
  }
  if (!isGitObjectId(commit)) {
    throw new AdmissionError('E_COMMIT_FORMAT', '40 lower-case hexadecimal digits expected');
  }
  return commit;
}

function statedPipelineBlob(dependencies: Dependencies, policy: AdmissionPolicy): string {
  const uri = fileDependencyUri(policy.pipeline);
  const files = dependencies.filter((dependency) => dependency.uri === uri);
  const blob = files[0]?.digest['gitBlob'];
  if (files.length !== 1 || blob === undefined || !isGitObjectId(blob)) {
    throw new AdmissionError('E_PIPELINE_DIGEST', `exactly one ${uri} with a gitBlob expected`);
  }
  return blob;
}

/** Null where the provenance names no plan; whether there must be one is for `checkPlan`, who knows the right one. */
function statedPlan(dependencies: Dependencies, policy: AdmissionPolicy): string | null {
  // Whatever looks like a plan counts, as with sources: a second one would leave open which ran.
  const plans = dependencies.filter(({ uri }) => uri.startsWith('plan:'));
  const [plan] = plans;
  if (plan === undefined) return null;
  const uri = planDependencyUri(policy.pipeline);
  const digest = soleSha256(plan.digest);
  if (plans.length !== 1 || plan.uri !== uri || digest === null) {
    throw new AdmissionError('E_PLAN_DIGEST', `exactly one ${uri} with a sha256 alone expected`);
  }
  return digest;
}

function statedImages(dependencies: Dependencies): string[] {
  return dependencies
    .filter(({ uri }) => uri === runnerImageUri)
    .map(({ digest }) => {
      const sha256 = soleSha256(digest);
      if (sha256 === null) {
        throw new AdmissionError(
          'E_RUNNER_IMAGE',
          `${runnerImageUri} with a sha256 alone expected`,
        );
      }
      return sha256;
    });
}

function soleSha256(digest: Readonly<Record<string, string>>): string | null {
  const { sha256 } = digest;
  const isSole = Object.keys(digest).length === 1 && sha256 !== undefined && isSha256Hex(sha256);
  return isSole ? sha256 : null;
}

function checkRunId(invocationId: string): void {
  if (invocationId === '' || invocationId.length > maxTextLength) {
    throw new AdmissionError(
      'E_PROVENANCE',
      `a run id of 1 to ${maxTextLength} characters expected`,
    );
  }
  if (!isPrintableAscii(invocationId)) {
    throw new AdmissionError('E_UNICODE', 'the run id is not printable ASCII');
  }
}

function checkTimes(
  startedOn: string,
  finishedOn: string,
  policy: AdmissionPolicy,
  at: Moments,
): void {
  const started = parseTimestamp(startedOn);
  const finished = parseTimestamp(finishedOn);
  if (finished.getTime() < started.getTime()) {
    throw new AdmissionError(
      'E_TIME_ORDER',
      `finished ${finishedOn}, before it started ${startedOn}`,
    );
  }
  assertNotFuture(finished, policy, at, 'the build finished');
  const ageSeconds = (at.now.getTime() - finished.getTime()) / 1000;
  if (!(ageSeconds <= policy.maxAgeSeconds)) {
    throw new AdmissionError(
      'E_STALE',
      `finished ${finishedOn}; at most ${policy.maxAgeSeconds} seconds ago expected`,
    );
  }
}

/** @throws AdmissionError `E_TIME_FUTURE` when the moment lay further ahead, on receipt, than clocks may differ. */
export function assertNotFuture(
  moment: Date,
  policy: AdmissionPolicy,
  at: Moments,
  what: string,
): void {
  if (!(moment.getTime() <= at.receivedAt.getTime() + policy.skewSeconds * 1000)) {
    throw new AdmissionError(
      'E_TIME_FUTURE',
      `${what} ${moment.toISOString()}, but it came ${at.receivedAt.toISOString()}`,
    );
  }
}

function expected(
  code: ConstructorParameters<typeof AdmissionError>[0],
  what: string,
  wanted: string,
  found: string,
): AdmissionError {
  // Escaped and cut, because what was found was chosen by the sender and ends in logs and pages.
  return new AdmissionError(
    code,
    `${what} ${wanted} expected, found ${JSON.stringify(found.slice(0, 200))}`,
  );
}
