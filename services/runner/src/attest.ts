import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { runStatement, type RunAttestation } from '@airlock/common/intoto/run';
import { formatTimestamp } from '@airlock/common/time';
import type { Job } from '@airlock/common/wire/runner-protocol';
import { planDigest } from '@airlock/pipeline/plan-digest';

/** What this runner is, in everything it signs. */
export type Attester = {
  readonly runner: string;
  readonly key: SigningKey;
};

/**
 * The run attestation, one envelope as a line without LF. It says what this process did and saw: the plan that it took
 * the steps from, the tree that it unpacked, the digest of the bytes that it read out of the workspace, its own clock.
 */
export function attestRun(
  { runner, key }: Attester,
  ran: {
    readonly job: Job;
    readonly source: RunAttestation['source'];
    /** SHA-256 of the software that the steps saw. */
    readonly image: string;
    readonly artifact: { readonly name: string; readonly digest: string };
    readonly startedAt: Date;
    readonly finishedAt: Date;
    readonly isolation: RunAttestation['isolation'];
  },
): string {
  const { job, artifact } = ran;
  const { repositoryUrl, ref, commit } = job.run;
  const statement = runStatement(
    { name: artifact.name, sha256: artifact.digest },
    {
      ...{ repository: repositoryUrl, ref, commit, pipeline: job.pipeline },
      source: ran.source,
      plan: planDigest(job.plan),
      image: ran.image,
      given: givenTo(job.run),
      invocationId: job.invocationId,
      startedOn: formatTimestamp(ran.startedAt),
      finishedOn: formatTimestamp(ran.finishedAt),
      runner,
      isolation: ran.isolation,
    },
  );
  return signEnvelope(intotoPayloadType, statement, [key]);
}

/** Beside what each push to a branch is told, and what the commit itself says. */
function givenTo(run: Job['run']): RunAttestation['given'] {
  const { event, ref, branch, tag, sourceBranch, deployTo, pullRequest } = run;
  const told = Object.entries({
    CI_COMMIT_BRANCH: ref === `refs/heads/${branch}` ? null : branch,
    CI_COMMIT_TAG: tag,
    CI_COMMIT_SOURCE_BRANCH: sourceBranch,
    CI_COMMIT_PULL_REQUEST: pullRequest,
    CI_PIPELINE_DEPLOY_TARGET: deployTo,
  }).flatMap(([name, value]) => (value === null ? [] : [name]));
  return { event, variables: [...told, ...Object.keys(run.variables)].sort() };
}
