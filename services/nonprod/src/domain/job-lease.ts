/** What a runner may still do with the job it was given, and what becomes of a job whose runner is lost. */
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import type { PlanService, PlanStep, RunPlan } from '@airlock/common/wire/run-plan';
import { workflowOf, type WorkflowId } from '@airlock/common/workflow-name';
import { cancelReason } from './workflow-order.ts';

/** How often a job is given out before its run fails. */
export const maxAttempts = 3;

export const jobStates = ['held', 'waiting', 'queued', 'leased', 'finished'] as const;
export type JobState = (typeof jobStates)[number];

export interface LeaseState {
  readonly state: JobState;
  readonly lease: number;
  readonly runner: string | null;
}

/** A lease holds for exactly one runner and one number; everything else is somebody who was replaced. */
export function leaseHolds(
  job: LeaseState,
  proof: { readonly lease: number; readonly runner: string },
): boolean {
  return job.state === 'leased' && job.lease === proof.lease && job.runner === proof.runner;
}

/** What a runner is told when it shows its lease. */
export type LeaseWord = 'held' | 'cancelled' | 'lost';

export type AfterExpiry =
  | { readonly kind: 'requeue'; readonly attempt: number }
  | { readonly kind: 'fail'; readonly reason: string }
  | { readonly kind: 'cancel'; readonly reason: string };

/** @param cancelledBy name of whoever cancelled the run; null: nobody. */
export function afterExpiry(attempt: number, cancelledBy: string | null): AfterExpiry {
  if (cancelledBy !== null) return { kind: 'cancel', reason: cancelReason(cancelledBy) };
  if (attempt < maxAttempts) return { kind: 'requeue', attempt: attempt + 1 };
  return {
    kind: 'fail',
    reason: `The runner was lost ${maxAttempts} times. See the log for where it stopped; push again to retry.`,
  };
}

export interface KeptArtifact {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
}

export type Judgement =
  { readonly outcome: 'passed' } | { readonly outcome: 'failed'; readonly reason: string };

/**
 * A run passes only when the report says so in every part: each planned step once, in order and passed, and the
 * artifact that the plan asks for is the one that was uploaded under this lease.
 */
export function judgeReport(
  plan: RunPlan,
  which: WorkflowId,
  report: JobReport,
  uploaded: KeptArtifact | null,
): Judgement {
  const failed = report.steps.find(
    (step) => step.outcome !== 'passed' && step.outcome !== 'skipped',
  );
  if (report.outcome === 'failed') {
    const reason =
      report.reason ??
      (failed === undefined
        ? 'The runner reported a failure without a reason.'
        : `Step ${failed.name} ${describe(failed)}.`);
    return { outcome: 'failed', reason };
  }
  const workflow = workflowOf(plan, which);
  if (workflow === null) return fail('The plan has no such workflow.');
  const planned = [...workflow.steps, ...workflow.services];
  const names = planned.map((step) => step.name);
  const reported = report.steps.map((step) => step.name);
  if (names.length !== reported.length || names.some((name, index) => reported[index] !== name)) {
    return fail('The runner reported other steps than were planned.');
  }
  const bad = report.steps.find((step, index) => !mayPassWith(planned[index], step.outcome));
  if (bad !== undefined) {
    return fail(`The runner reported a pass although step ${bad.name} ${describe(bad)}.`);
  }
  if (plan.artifact?.workflow !== which.name) {
    // The run has one attestation, of its artifact's workflow; another's runner would put its own in the place of it.
    return report.artifact === null && report.attestation === null
      ? { outcome: 'passed' }
      : fail('The runner reported an artifact that nobody asked for.');
  }
  if (report.artifact === null || uploaded === null) {
    return fail(`The artifact ${plan.artifact.name} (${plan.artifact.path}) was not uploaded.`);
  }
  const same =
    report.artifact.name === uploaded.name &&
    report.artifact.digest === uploaded.digest &&
    report.artifact.size === uploaded.size &&
    uploaded.name === plan.artifact.name;
  if (!same) return fail('The reported artifact is not the uploaded one.');
  return report.attestation === null
    ? fail('The runner did not sign what it built; update the runner.')
    : { outcome: 'passed' };
}

/** Whether a workflow passes although this step ended so. */
function mayPassWith(
  step: PlanStep | PlanService | undefined,
  outcome: JobReport['steps'][number]['outcome'],
): boolean {
  if (step === undefined) return false;
  if (outcome === 'passed' || step.failure === 'ignore') return true;
  // Ended with the workflow, whatever it was doing then.
  if (!('runsOn' in step) || step.detach) return outcome === 'cancelled' || outcome === 'skipped';
  return outcome === 'skipped' && !step.runsOn.includes('success');
}

function fail(reason: string): Judgement {
  return { outcome: 'failed', reason };
}

function describe(step: JobReport['steps'][number]): string {
  if (step.outcome === 'failed') {
    return step.exitCode === null ? 'failed' : `failed with exit code ${step.exitCode}`;
  }
  return step.outcome === 'timed-out' ? 'ran out of time' : `was ${step.outcome}`;
}
