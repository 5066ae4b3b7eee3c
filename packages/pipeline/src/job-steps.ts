/** From a plan and what is known of its run to the steps as they are executed. */
import { mapJson, secretNamesIn } from '@airlock/common/wire/plan-secrets';
import type { PlanStep, PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import type { JobStep, RunFacts } from '@airlock/common/wire/runner-protocol';
import { ciVariables, referenceVariables } from './ci-variables.ts';
import { substituteInCommand, substituteInValue, type Variables } from './substitution.ts';
import { workflowOf, type WorkflowId } from '@airlock/common/workflow-name';

/** The steps of one workflow of the plan with the variables of this run put in. @throws RangeError for no such workflow. */
export function jobSteps(plan: RunPlan, which: WorkflowId, run: RunFacts): JobStep[] {
  const { workflow, variables, given } = factsOf(plan, which, run);
  return workflow.steps.map((step, index) => {
    const own = { CI_STEP_NAME: step.name, CI_STEP_NUMBER: String(index + 1) };
    // Woodpecker: a plugin is told by its settings, not by the matrix and the variables of the run.
    const around =
      step.kind === 'plugin' ? given : { ...run.variables, ...given, ...workflow.matrix };
    const known = { ...variables, ...own };
    const caches = step.caches?.map((cache) => ({
      ...cache,
      key: substituteInValue(cache.key, known),
    }));
    return {
      ...{ ...step, ...filled(step, known, { ...around, ...own }) },
      ...(caches === undefined ? {} : { caches }),
    };
  });
}

/** What the steps and services of one workflow are filled with. @throws RangeError for no such workflow. */
export function factsOf(
  plan: RunPlan,
  which: WorkflowId,
  run: RunFacts,
): { workflow: PlanWorkflow; variables: Variables; given: Variables } {
  const workflow = workflowOf(plan, which);
  if (workflow === null) throw new RangeError(`the plan has no workflow ${which.name}`);
  return {
    workflow,
    variables: referenceVariables(run, workflow),
    given: { ...ciVariables(run), CI_WORKFLOW_NAME: workflow.name },
  };
}

type Filled = Pick<PlanStep, 'image' | 'commands' | 'entrypoint' | 'environment'>;

/** Image, commands and variables with references put in. */
export function filled(what: Filled, variables: Variables, around: Variables): Filled {
  const own = Object.fromEntries(
    Object.entries(what.environment).map(([name, value]) => [name, filledValue(value, variables)]),
  );
  const spilled: Record<string, string> = {};
  const spill = (value: string): string => {
    const name = `AIRLOCK_VALUE_${Object.keys(spilled).length + 1}`;
    spilled[name] = value;
    return name;
  };
  // What the step sets itself its shell reads from the environment, and not from the run.
  const inCommands = Object.fromEntries(
    Object.entries(variables).filter(([name]) => !Object.hasOwn(what.environment, name)),
  );
  const inShell = (text: string): string => substituteInCommand(text, inCommands, spill);
  return {
    image: substituteInValue(what.image, variables),
    commands: what.commands.map(inShell),
    entrypoint: what.entrypoint?.map(inShell) ?? null,
    environment: { ...around, ...own, ...spilled },
  };
}

/** In JSON the texts are filled one by one, so that no value can become a part of its structure. */
function filledValue(
  value: PlanStep['environment'][string],
  variables: Variables,
): PlanStep['environment'][string] {
  if (typeof value === 'string') return substituteInValue(value, variables);
  if ('secret' in value) return value;
  const json = JSON.stringify(
    mapJson(JSON.parse(value.json), {
      text: (text) => substituteInValue(text, variables),
      secret: (name) => ({ from_secret: name }),
    }),
  );
  return secretNamesIn({ value: { json } }).length === 0 ? json : { json };
}
