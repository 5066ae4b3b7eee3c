/** What a commit says of its own build, read in the rebuilder's own mirror and nowhere else. */
import { commitWords } from '@airlock/common/commit-words';
import { AirlockError } from '@airlock/common/errors';
import type { PlanWorkflow } from '@airlock/common/wire/run-plan';
import type { JobService, JobStep, RunFacts } from '@airlock/common/wire/runner-protocol';
import type { WantedRebuild } from '@airlock/common/wire/rebuild-protocol';
import type { Mirror } from '@airlock/git/mirror';
import { jobServices } from '@airlock/pipeline/job-services';
import { jobSteps } from '@airlock/pipeline/job-steps';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planFiles } from '@airlock/pipeline/plan-files';
import { releasePath } from '@airlock/pipeline/release-file';
import { planMain } from '@airlock/pipeline/run-plan';
import { leadingWorkflow } from '@airlock/common/workflow-name';

export type RecipeErrorCode =
  /** The gate asks for what this rebuilder does not build. */
  | 'rebuild-not-ours'
  /** The files at the commit make no artifact of that name. */
  | 'rebuild-no-recipe';
export class RecipeError extends AirlockError<RecipeErrorCode> {}

export type RepositorySource = {
  /** What steps find in CI_REPO. */
  readonly name: string;
  readonly mirror: Pick<
    Mirror,
    'fetch' | 'commitFacts' | 'commitObject' | 'readBlob' | 'listFiles' | 'archive'
  >;
};

export type Recipe = {
  readonly steps: readonly JobStep[];
  readonly services: readonly JobService[];
  /** Of the source, under the workspace; null: the workspace itself. */
  readonly directory: string | null;
  readonly clone: PlanWorkflow['clone'];
  readonly artifact: { readonly path: string; readonly maxBytes: number };
  readonly pipelineBlob: string;
  readonly planDigest: string;
};

/**
 * Fetches main and compiles the two files at the commit.
 *
 * @throws RecipeError for a commit that is not on main's first-parent line here, and for files that make no such artifact.
 */
export async function recipeOf(
  { name, mirror }: RepositorySource,
  wanted: WantedRebuild,
  limits: { readonly maxArtifactBytes: number },
): Promise<Recipe> {
  const { commit, pipeline, releaseFile, artifact } = wanted;
  if (releaseFile !== releasePath) {
    throw new RecipeError(
      'rebuild-not-ours',
      `${releaseFile} is asked for; only what ${releasePath} names is built here`,
    );
  }
  await mirror.fetch();
  const facts = await mirror.commitFacts(commit, [pipeline]);
  const pipelineBlob = facts?.blobs[pipeline];
  if (facts?.firstParent !== true || pipelineBlob == null) {
    throw new RecipeError(
      'rebuild-not-ours',
      `${commit} is no commit of main with ${pipeline} in this rebuilder's own mirror; nothing else is built here`,
    );
  }
  const planned = planMain(
    await planFiles({
      list: (directory) => mirror.listFiles(commit, directory),
      read: (path) => mirror.readBlob(commit, path),
    }),
  );
  if (planned.kind !== 'run') {
    const why = planned.kind === 'refused' ? planned.reason : planned.why;
    throw new RecipeError('rebuild-no-recipe', why);
  }
  const { plan } = planned;
  if (plan.artifact?.name !== artifact.name) {
    throw new RecipeError(
      'rebuild-no-recipe',
      `${releasePath} at ${commit} makes ${plan.artifact?.name ?? 'nothing'}, asked for is ${artifact.name}`,
    );
  }
  const workflow = leadingWorkflow(plan);
  if (workflow?.file !== pipeline) {
    throw new RecipeError(
      'rebuild-not-ours',
      `${pipeline} is asked for; at ${commit} ${artifact.name} is made by ${String(workflow?.file)}`,
    );
  }
  const object = await mirror.commitObject(commit);
  const run: RunFacts = {
    // Of a run at nonprod nothing is known here: a build that puts its number into the artifact cannot be made again.
    number: 1,
    ...{ repository: name, repositoryUrl: wanted.repository, commit },
    ...{ ref: 'refs/heads/main', branch: 'main', event: 'push', pullRequest: null },
    ...commitWords(object ?? new Uint8Array()),
    ...{ defaultBranch: 'main', createdAt: '1970-01-01T00:00:00Z' },
    ...{ tag: null, sourceBranch: null, cron: null, deployTo: null, previous: null },
    ...{ url: '', variables: {} },
  };
  const steps = jobSteps(plan, workflow, run);
  const services = jobServices(plan, workflow, run);
  const { path, maxBytes } = plan.artifact;
  const { maxArtifactBytes } = limits;
  const kept = { path, maxBytes: Math.min(maxBytes ?? maxArtifactBytes, maxArtifactBytes) };
  return {
    ...{ steps, services, directory: workflow.path, clone: workflow.clone },
    artifact: kept,
    ...{ pipelineBlob, planDigest: planDigest(plan) },
  };
}
