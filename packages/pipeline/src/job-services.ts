import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { JobService, RunFacts } from '@airlock/common/wire/runner-protocol';
import { factsOf, filled } from './job-steps.ts';
import type { WorkflowId } from '@airlock/common/workflow-name';

/** The services of one workflow of the plan with the variables of this run put in. @throws RangeError for no such workflow. */
export function jobServices(plan: RunPlan, which: WorkflowId, run: RunFacts): JobService[] {
  const { workflow, variables, given } = factsOf(plan, which, run);
  const around = { ...run.variables, ...given, ...workflow.matrix };
  return workflow.services.map((service) => ({
    ...service,
    ...filled(service, variables, around),
  }));
}
