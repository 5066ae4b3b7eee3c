import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { JobService, RunFacts } from '@airlock/common/wire/runner-protocol';
import { ciVariables } from './job-steps.ts';
import { substituteInCommand, substituteInValue } from './substitution.ts';
import { workflowOf, type WorkflowId } from './workflow-name.ts';

/** The services of one workflow of the plan with the variables of this run put in. @throws RangeError for no such workflow. */
export function jobServices(plan: RunPlan, which: WorkflowId, run: RunFacts): JobService[] {
  const workflow = workflowOf(plan, which);
  if (workflow === null) throw new RangeError(`the plan has no workflow ${which.name}`);
  const ci = { ...ciVariables(run), CI_WORKFLOW_NAME: workflow.name };
  return workflow.services.map((service) => ({
    ...service,
    image: substituteInValue(service.image, ci),
    commands: service.commands.map((command) => substituteInCommand(command, ci)),
    environment: Object.fromEntries([
      ...Object.entries(ci),
      ...Object.entries(service.environment).map(([name, value]) => [
        name,
        typeof value === 'string' ? substituteInValue(value, ci) : value,
      ]),
    ]) as JobService['environment'],
  }));
}
