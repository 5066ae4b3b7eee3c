import type { PlanWorkflow } from './wire/run-plan.ts';

/** How people call a job of a plan: `build`, or `build (GO=1.24, OS=linux)` for a combination of a matrix. */
export function titleOf({ name, matrix }: Pick<PlanWorkflow, 'name' | 'matrix'>): string {
  const axes = Object.entries(matrix).sort(([a], [b]) => (a < b ? -1 : 1));
  if (axes.length === 0) return name;
  return `${name} (${axes.map(([axis, value]) => `${axis}=${value}`).join(', ')})`;
}

export interface WorkflowId {
  readonly name: string;
  readonly instance: number;
}

/** The workflow of a plan; null when it has none of that name and instance. */
export function workflowOf(
  plan: { readonly workflows: readonly PlanWorkflow[] },
  { name, instance }: WorkflowId,
): PlanWorkflow | null {
  const same = (workflow: PlanWorkflow): boolean =>
    workflow.name === name && workflow.instance === instance;
  return plan.workflows.find(same) ?? null;
}

/** The workflow that makes what is kept, or, where nothing is kept, the first: whose file provenance names. */
export function leadingWorkflow(plan: {
  readonly workflows: readonly PlanWorkflow[];
  readonly artifact: { readonly workflow: string } | null;
}): PlanWorkflow | null {
  const { artifact, workflows } = plan;
  if (artifact === null) return workflows[0] ?? null;
  return workflows.find(({ name }) => name === artifact.workflow) ?? null;
}
