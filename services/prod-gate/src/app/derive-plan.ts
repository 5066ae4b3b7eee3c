/**
 * The plan of a commit, compiled by the gate from the files in its own mirror, and held against what the provenance says
 * ran. Intake, authority and deliverer each do it for themselves.
 */
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { checkPlan } from '@airlock/common/verify/check-plan';
import type { Refusal, VerifiedBundle } from '@airlock/common/verify/verify-promotion-bundle';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planFiles } from '@airlock/pipeline/plan-files';
import { releasePath } from '@airlock/pipeline/release-file';
import { planMain } from '@airlock/pipeline/run-plan';
import { leadingWorkflow } from '@airlock/common/workflow-name';
import type { GitReader } from './intake-ports.ts';
import { remembered } from './remembered.ts';

/** What of a verified bundle says what ran. */
export type PlannedBundle = Pick<
  VerifiedBundle,
  'commit' | 'pipeline' | 'releaseFile' | 'planDigest' | 'runnerImages'
>;

/** Null when what ran is what the files say, on software that the target allows. */
export async function planFault(
  git: Pick<GitReader, 'readBlob' | 'listFiles'>,
  bundle: PlannedBundle,
  policy: Pick<TargetPolicy, 'admits'>,
): Promise<Refusal | null> {
  const { commit, pipeline, releaseFile } = bundle;
  const planned = await plannedOnce(git, commit, () => planOf(git, commit));
  if ('why' in planned) {
    return {
      ok: false,
      code: 'E_PLAN_DIGEST',
      detail: `${pipeline} and ${releaseFile} at ${commit} make no plan here: ${planned.why}`,
    };
  }
  const { digest, leading } = planned;
  if (leading !== pipeline || releaseFile !== releasePath) {
    return {
      ok: false,
      code: 'E_PLAN_DIGEST',
      detail: `at ${commit} what is released is made by ${String(leading)} and ${releasePath}, the build names ${pipeline} and ${releaseFile}`,
    };
  }
  return checkPlan(bundle, {
    planDigest: digest,
    images: allowedImages(policy),
  });
}

type Planned =
  { readonly digest: string; readonly leading: string | undefined } | { readonly why: string };

/** A plan follows from the commit alone. That there is none may be because the commit has not come yet. */
const plannedOnce = remembered<Planned>(64, (planned) => 'digest' in planned);

async function planOf(
  git: Pick<GitReader, 'readBlob' | 'listFiles'>,
  commit: string,
): Promise<Planned> {
  const planned = planMain(
    await planFiles({
      list: (directory) => git.listFiles(commit, directory),
      read: (path) => git.readBlob(commit, path),
    }),
  );
  if (planned.kind !== 'run') {
    return { why: planned.kind === 'nothing' ? planned.why : planned.reason };
  }
  return { digest: planDigest(planned.plan), leading: leadingWorkflow(planned.plan)?.file };
}

/** SHA-256 digests of the runners' software that the target allows, without the `sha256:` of the file. */
export function allowedImages(policy: Pick<TargetPolicy, 'admits'>): string[] {
  return policy.admits.flatMap(({ builders }) =>
    builders.images.map((image) => image.slice('sha256:'.length)),
  );
}
