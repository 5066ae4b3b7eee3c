/** Reads what the database keeps as text or JSON back into domain types; a row that does not fit is a defect and throws. */
import { z } from 'zod';
import { RunPlan } from '@airlock/common/wire/run-plan';
import { RunEvent } from '@airlock/common/wire/runner-protocol';
import { jobStates, type JobState } from '../../domain/job-lease.ts';
import { jobOutcomes, type JobOutcome } from '../../domain/workflow-order.ts';
import { runStates, stepStates, type RunState, type StepState } from '../../domain/run.ts';

/** Null for a run whose files could not be followed. */
export function planOf(column: unknown): RunPlan | null {
  return RunPlan.nullable().parse(column);
}

/** @throws Error for a run that has no plan. */
export function plannedOf(column: unknown): RunPlan {
  const plan = planOf(column);
  if (plan === null) throw new Error('a run that has jobs has no plan');
  return plan;
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
