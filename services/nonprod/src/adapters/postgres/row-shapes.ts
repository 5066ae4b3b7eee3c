/** Reads what the database keeps as text or JSON back into domain types; a row that does not fit is a defect and throws. */
import { z } from 'zod';
import { RunPlan } from '@airlock/common/wire/run-plan';
import { RunEvent } from '@airlock/common/wire/runner-protocol';
import { jobStates, type JobState } from '../../domain/job-lease.ts';
import { jobOutcomes, type JobOutcome } from '../../domain/workflow-order.ts';
import { runStates, stepStates, type RunState, type StepState } from '../../domain/run.ts';

/** A run's plan as it is kept: what was compiled, nothing where the files could not be followed, or what nobody can follow. */
export type StoredPlan =
  | { readonly kind: 'plan'; readonly plan: RunPlan }
  | { readonly kind: 'none' }
  /** `reason` is written on the run. */
  | { readonly kind: 'unreadable'; readonly reason: string };

export function storedPlan(column: unknown): StoredPlan {
  if (column === null || column === undefined) return { kind: 'none' };
  const { data, error } = RunPlan.safeParse(column);
  if (data !== undefined) return { kind: 'plan', plan: data };
  const [issue] = error.issues;
  const where = issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
  return { kind: 'unreadable', reason: unreadable(`its plan${where.slice(0, 200)}`) };
}

/** @param what is kept of the run and cannot be read. */
export function unreadable(what: string): string {
  return `${what[0]?.toUpperCase() ?? ''}${what.slice(1)}, as the database keeps it, cannot be read, so nothing more of this run is built. Retry it: its commit is read anew. If that run ends so too, whoever looks after this installation finds out what wrote the row.`;
}

/** @throws Error for a run that has no plan, or one that cannot be read. */
export function plannedOf(column: unknown): RunPlan {
  const stored = storedPlan(column);
  if (stored.kind === 'plan') return stored.plan;
  throw new Error(stored.kind === 'none' ? 'a run that has jobs has no plan' : stored.reason);
}

const JobStateColumn = z.enum(jobStates);
export function jobStateOf(column: string): JobState {
  return JobStateColumn.parse(column);
}

const OutcomeColumn = z.enum(jobOutcomes).nullable();
export function outcomeOf(column: string | null): JobOutcome | null {
  return OutcomeColumn.parse(column);
}

const RunStateColumn = z.enum(runStates);
export function runStateOf(column: string): RunState {
  return RunStateColumn.parse(column);
}

const StepStateColumn = z.enum(stepStates);
export function stepStateOf(column: string): StepState {
  return StepStateColumn.parse(column);
}

export function eventOf(column: string): RunEvent {
  return RunEvent.parse(column);
}

const BuilderColumn = z.enum(['main', 'pr']);
export function builderOf(column: string): 'main' | 'pr' {
  return BuilderColumn.parse(column);
}
