/** Reads what the database keeps as text or JSON back into domain types; a row that does not fit is a defect and throws. */
import { z } from 'zod';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { RunEvent } from '@airlock/pipeline/run-plan';
import { runStates, stepStates, type RunState, type StepState } from '../../domain/run.ts';

/** Wider than the plan on the wire: a run whose files could not be followed has no steps. */
const PlanColumn: z.ZodType<RunPlan> = z.strictObject({
  version: z.literal(1),
  steps: z.array(
    z.strictObject({
      name: z.string(),
      image: z.string(),
      commands: z.array(z.string()),
      environment: z.record(z.string(), z.string()),
    }),
  ),
  artifact: z
    .strictObject({ name: z.string(), path: z.string(), maxBytes: z.number().nullable() })
    .nullable(),
  release: z
    .strictObject({ version: z.string().nullable(), targets: z.array(z.string()) })
    .nullable(),
});

export function planOf(column: unknown): RunPlan {
  return PlanColumn.parse(column);
}

const RunStateColumn = z.enum(runStates);
export function runStateOf(column: string): RunState {
  return RunStateColumn.parse(column);
}

const StepStateColumn = z.enum(stepStates);
export function stepStateOf(column: string): StepState {
  return StepStateColumn.parse(column);
}

const EventColumn = z.enum(['push', 'pull_request', 'manual']);
export function eventOf(column: string): RunEvent {
  return EventColumn.parse(column);
}

const BuilderColumn = z.enum(['main', 'pr']);
export function builderOf(column: string): 'main' | 'pr' {
  return BuilderColumn.parse(column);
}
