/** Woodpecker's table of variables, filled with what is known of a run. */
import type { PlanWorkflow } from '@airlock/common/wire/run-plan';
import type { RunFacts } from '@airlock/common/wire/runner-protocol';
import { substituteInValue, type Variables } from './substitution.ts';

/** Names that Woodpecker knows; those that nothing is known about are empty, as there. */
const table =
  'CI CI_REPO CI_REPO_OWNER CI_REPO_NAME CI_REPO_REMOTE_ID CI_REPO_URL CI_REPO_CLONE_URL CI_REPO_CLONE_SSH_URL CI_REPO_DEFAULT_BRANCH CI_REPO_PRIVATE CI_REPO_TRUSTED CI_REPO_TRUSTED_NETWORK CI_REPO_TRUSTED_VOLUMES CI_REPO_TRUSTED_SECURITY CI_COMMIT_SHA CI_COMMIT_REF CI_COMMIT_REFSPEC CI_COMMIT_BRANCH CI_COMMIT_SOURCE_BRANCH CI_COMMIT_TARGET_BRANCH CI_COMMIT_TAG CI_COMMIT_PULL_REQUEST CI_COMMIT_PULL_REQUEST_LABELS CI_COMMIT_PULL_REQUEST_MILESTONE CI_COMMIT_PULL_REQUEST_DRAFT CI_COMMIT_MESSAGE CI_COMMIT_TIMESTAMP CI_COMMIT_AUTHOR CI_COMMIT_AUTHOR_EMAIL CI_COMMIT_AUTHOR_AVATAR CI_COMMIT_PRERELEASE CI_PIPELINE_NUMBER CI_PIPELINE_PARENT CI_PIPELINE_EVENT CI_PIPELINE_EVENT_REASON CI_PIPELINE_URL CI_PIPELINE_FORGE_URL CI_PIPELINE_DEPLOY_TARGET CI_PIPELINE_DEPLOY_TASK CI_PIPELINE_CREATED CI_PIPELINE_STARTED CI_PIPELINE_FILES CI_PIPELINE_AUTHOR CI_PIPELINE_AVATAR CI_PIPELINE_RERUNS CI_PIPELINE_RELEASE_TITLE CI_PIPELINE_RELEASE_PRE CI_WORKFLOW_NAME CI_WORKFLOW_NUMBER CI_STEP_NAME CI_STEP_NUMBER CI_STEP_URL CI_PREV_COMMIT_SHA CI_PREV_COMMIT_REF CI_PREV_COMMIT_REFSPEC CI_PREV_COMMIT_BRANCH CI_PREV_COMMIT_SOURCE_BRANCH CI_PREV_COMMIT_TARGET_BRANCH CI_PREV_COMMIT_URL CI_PREV_COMMIT_MESSAGE CI_PREV_COMMIT_TIMESTAMP CI_PREV_COMMIT_AUTHOR CI_PREV_COMMIT_AUTHOR_EMAIL CI_PREV_COMMIT_AUTHOR_AVATAR CI_PREV_PIPELINE_NUMBER CI_PREV_PIPELINE_PARENT CI_PREV_PIPELINE_EVENT CI_PREV_PIPELINE_EVENT_REASON CI_PREV_PIPELINE_URL CI_PREV_PIPELINE_FORGE_URL CI_PREV_PIPELINE_DEPLOY_TARGET CI_PREV_PIPELINE_DEPLOY_TASK CI_PREV_PIPELINE_STATUS CI_PREV_PIPELINE_CREATED CI_PREV_PIPELINE_STARTED CI_PREV_PIPELINE_FINISHED CI_PREV_PIPELINE_AUTHOR CI_PREV_PIPELINE_AVATAR CI_SYSTEM_NAME CI_SYSTEM_URL CI_SYSTEM_HOST CI_SYSTEM_PLATFORM CI_SYSTEM_VERSION CI_FORGE_TYPE CI_FORGE_URL'.split(
    ' ',
  );

/** What a step may know about its run, under Woodpecker's names; empty ones are not set, as there. */
export function ciVariables(run: RunFacts): Record<string, string> {
  const { event, previous, pullRequest } = run;
  const ofPullRequest = event.startsWith('pull_request');
  const slash = run.repository.lastIndexOf('/');
  const variables: Record<string, string> = {
    CI: 'woodpecker',
    AIRLOCK: '1',
    CI_REPO: run.repository,
    CI_REPO_OWNER: run.repository.slice(0, Math.max(0, slash)),
    CI_REPO_NAME: run.repository.slice(slash + 1),
    CI_REPO_DEFAULT_BRANCH: run.defaultBranch,
    CI_REPO_CLONE_URL: run.repositoryUrl,
    CI_COMMIT_SHA: run.commit,
    CI_COMMIT_REF: run.ref,
    CI_COMMIT_BRANCH: run.branch,
    CI_COMMIT_TAG: run.tag ?? '',
    CI_COMMIT_MESSAGE: run.subject,
    CI_COMMIT_AUTHOR: run.authorName,
    CI_COMMIT_AUTHOR_EMAIL: run.authorEmail,
    CI_COMMIT_PULL_REQUEST: pullRequest === null ? '' : String(pullRequest),
    CI_COMMIT_SOURCE_BRANCH: ofPullRequest ? (run.sourceBranch ?? '') : '',
    CI_COMMIT_TARGET_BRANCH: ofPullRequest ? run.branch : '',
    CI_COMMIT_REFSPEC:
      ofPullRequest && run.sourceBranch !== null ? `${run.sourceBranch}:${run.branch}` : '',
    CI_PIPELINE_NUMBER: String(run.number),
    CI_PIPELINE_EVENT: event,
    CI_PIPELINE_URL: run.url,
    CI_PIPELINE_CREATED: String(Math.floor(Date.parse(run.createdAt) / 1000)),
    CI_PIPELINE_DEPLOY_TARGET: run.deployTo ?? '',
    CI_PREV_COMMIT_SHA: previous?.commit ?? '',
    CI_PREV_PIPELINE_NUMBER: previous === null ? '' : String(previous.number),
    CI_PREV_PIPELINE_STATUS: previous?.state ?? '',
    CI_SYSTEM_NAME: 'airlock',
    CI_SYSTEM_URL: URL.canParse(run.url) ? new URL(run.url).origin : '',
    CI_SYSTEM_HOST: URL.canParse(run.url) ? new URL(run.url).host : '',
  };
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
}

/** For references: every name of the table, the public variables of the run, and the combination of the matrix. */
export function referenceVariables(
  run: RunFacts,
  { name, matrix }: Pick<PlanWorkflow, 'name' | 'matrix'>,
): Variables {
  const empty = Object.fromEntries(table.map((one) => [one, '']));
  return { ...empty, ...run.variables, ...ciVariables(run), CI_WORKFLOW_NAME: name, ...matrix };
}

/** The name under which runs of workflows wait for each other, as this run has it; null for one of the workflow's own. */
export function concurrencyGroup(run: RunFacts, workflow: PlanWorkflow): string | null {
  const group = workflow.concurrency?.group ?? null;
  return group === null ? null : substituteInValue(group, referenceVariables(run, workflow));
}
