/** From a plan and what is known of its run to the steps as they are executed. */
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { JobStep, RunFacts } from '@airlock/common/wire/runner-protocol';
import { substituteInCommand, substituteInValue } from './substitution.ts';
import { workflowOf, type WorkflowId } from './workflow-name.ts';

/** Woodpecker's names for what a step may know about its run. */
export function ciVariables(run: RunFacts): Record<string, string> {
  return {
    CI: 'woodpecker',
    AIRLOCK: '1',
    CI_REPO: run.repository,
    CI_REPO_NAME: run.repository.slice(run.repository.lastIndexOf('/') + 1),
    CI_REPO_CLONE_URL: run.repositoryUrl,
    CI_COMMIT_SHA: run.commit,
    CI_COMMIT_REF: run.ref,
    CI_COMMIT_BRANCH: run.branch,
    CI_COMMIT_MESSAGE: run.subject,
    CI_COMMIT_AUTHOR: run.authorName,
    ...(run.pullRequest === null
      ? {}
      : {
          CI_COMMIT_PULL_REQUEST: String(run.pullRequest),
          CI_COMMIT_TARGET_BRANCH: run.branch,
        }),
    CI_PIPELINE_NUMBER: String(run.number),
    CI_PIPELINE_EVENT: run.event,
  };
}

/** The steps of one workflow of the plan with the variables of this run put in. @throws RangeError for no such workflow. */
export function jobSteps(plan: RunPlan, which: WorkflowId, run: RunFacts): JobStep[] {
  const workflow = workflowOf(plan, which);
  if (workflow === null) throw new RangeError(`the plan has no workflow ${which.name}`);
  const ci = { ...ciVariables(run), CI_WORKFLOW_NAME: workflow.name };
  return workflow.steps.map((step) => {
    const environment: JobStep['environment'] = { ...ci, CI_STEP_NAME: step.name };
    for (const [name, value] of Object.entries(step.environment)) {
      environment[name] = typeof value === 'string' ? substituteInValue(value, ci) : value;
    }
    return {
      ...step,
      image: substituteInValue(step.image, ci),
      commands: step.commands.map((command) => substituteInCommand(command, ci)),
      environment,
    };
  });
}
