/** In which order the workflows of a plan run, and when their run has ended. */
import type { PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import { titleOf, workflowOf, type WorkflowId } from '@airlock/common/workflow-name';

export const jobOutcomes = ['passed', 'failed', 'skipped', 'cancelled'] as const;
export type JobOutcome = (typeof jobOutcomes)[number];

export interface JobProgress {
  readonly workflow: WorkflowId;
  /** Null: not ended. */
  readonly outcome: JobOutcome | null;
}

export type Turn = { readonly kind: 'start' } | { readonly kind: 'wait' } | Skip;
interface Skip {
  readonly kind: 'skip';
  readonly reason: string;
}

/**
 * Whether a workflow that has not started may start now. All combinations of a matrix count as the workflow that others
 * depend on; one that is not in the plan is not waited for, because the compiler has decided on it.
 */
export function turnOf(plan: RunPlan, jobs: readonly JobProgress[], which: WorkflowId): Turn {
  const workflow = workflowOf(plan, which);
  if (workflow === null) return { kind: 'skip', reason: 'The plan has no such workflow.' };
  const before = jobs.filter((job) =>
    workflow.dependsOn.some(({ name }) => name === job.workflow.name),
  );
  if (before.some(({ outcome }) => outcome === null)) return { kind: 'wait' };
  const bad = before.find(({ outcome }) => outcome !== 'passed');
  if (bad === undefined) {
    return workflow.runsOn.includes('success')
      ? { kind: 'start' }
      : { kind: 'skip', reason: 'Skipped: it runs when a workflow before it fails.' };
  }
  if (workflow.runsOn.includes('failure')) return { kind: 'start' };
  const title = titleOf(workflowOf(plan, bad.workflow) ?? { ...bad.workflow, matrix: {} });
  return { kind: 'skip', reason: `Skipped: workflow ${title} before it ${wordOf(bad.outcome)}.` };
}

/** The turn of every workflow that has not started, the skipping of one counting for those behind it. */
export function turnsOf(
  plan: RunPlan,
  jobs: readonly JobProgress[],
  notStarted: readonly WorkflowId[],
): ReadonlyMap<WorkflowId, Turn> {
  const turns = new Map<WorkflowId, Turn>();
  let known = [...jobs];
  for (let changed = true; changed;) {
    changed = false;
    for (const which of notStarted) {
      if (turns.get(which)?.kind === 'skip') continue;
      const turn = turnOf(plan, known, which);
      turns.set(which, turn);
      if (turn.kind !== 'skip') continue;
      changed = true;
      known = known.map((job) =>
        isSame(job.workflow, which) ? { ...job, outcome: 'skipped' as const } : job,
      );
    }
  }
  return turns;
}

export type RunEnd =
  | { readonly ended: false }
  | {
      readonly ended: true;
      readonly outcome: 'passed' | 'failed' | 'cancelled';
      readonly reason: string | null;
    };

/**
 * A run has ended when all its jobs have, and passed when none of them failed or was cancelled.
 *
 * @param cancelledBy name of whoever cancelled the run; null: nobody. Whatever its jobs came to, it was cancelled.
 */
export function runEnd(
  plan: RunPlan,
  jobs: readonly (JobProgress & { readonly reason: string | null })[],
  cancelledBy: string | null,
): RunEnd {
  if (jobs.some(({ outcome }) => outcome === null)) return { ended: false };
  if (cancelledBy !== null) {
    return { ended: true, outcome: 'cancelled', reason: cancelReason(cancelledBy) };
  }
  const bad = jobs.find(({ outcome }) => outcome === 'failed' || outcome === 'cancelled');
  if (bad === undefined) return { ended: true, outcome: 'passed', reason: null };
  const reason = bad.reason ?? `It ${wordOf(bad.outcome)}.`;
  const told = plan.workflows.length === 1 ? reason : `${nameIn(plan, bad.workflow)}: ${reason}`;
  return { ended: true, outcome: 'failed', reason: told };
}

export function cancelReason(name: string): string {
  return `Cancelled by ${name}.`;
}

function nameIn(plan: RunPlan, which: WorkflowId): string {
  const workflow: PlanWorkflow | null = workflowOf(plan, which);
  return workflow === null ? which.name : titleOf(workflow);
}

function wordOf(outcome: JobOutcome | null): string {
  return outcome === 'failed' ? 'failed' : `was ${outcome ?? 'not ended'}`;
}

export function isSame(a: WorkflowId, b: WorkflowId): boolean {
  return a.name === b.name && a.instance === b.instance;
}

/**
 * What a retry of what did not pass keeps, in the order of the plan: workflows that passed and whose every combination before
 * them is kept too. One that passed after a failure, because it runs on failures, passed of something that is made anew.
 */
export function keptOf(plan: RunPlan, jobs: readonly JobProgress[]): readonly WorkflowId[] {
  let kept = jobs.filter(({ outcome }) => outcome === 'passed').map(({ workflow }) => workflow);
  for (let before = -1; before !== kept.length;) {
    before = kept.length;
    const isWhole = (name: string): boolean =>
      plan.workflows.every(
        (workflow) => workflow.name !== name || kept.some((each) => isSame(each, workflow)),
      );
    kept = kept.filter((which) =>
      workflowOf(plan, which)?.dependsOn.every(({ name }) => isWhole(name)),
    );
  }
  return kept;
}
