/** One command of a workflow, a step's or a service's, from its start to what there is to say of its end. */
import { chmod, rm, writeFile } from 'node:fs/promises';
import type { PlanCache } from '@airlock/common/wire/run-plan';
import type { StepReport } from '@airlock/common/wire/runner-protocol';
import type { Caches } from './caches.ts';
import type { Environment } from './environment.ts';
import { imageLine } from './isolation/catalogue.ts';
import type { Isolation } from './isolation/isolation.ts';
import { readOutputs, type Outputs } from './outputs.ts';
import type { StepLimits } from './isolation/limits.ts';
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';
import { stepCommand, type Runnable } from './step-command.ts';
import type { Workspace } from './workspace.ts';

/** What the commands of a workflow have in common. */
export type Surroundings = {
  readonly isolation: Pick<Isolation, 'mode' | 'catalogue'>;
  /** Where commands run: in a network of the workflow, or each alone. */
  readonly run: Isolation['run'];
  readonly workspace: Workspace;
  /** Directory of the source under the workspace. */
  readonly directory: string;
  /** For every command that does not say otherwise. */
  readonly environment: Readonly<Record<string, string>>;
  readonly environmentOf: Environment;
  readonly caches: Caches;
  /** All of the workflow's steps end here, on the clock of `performance.now()`. */
  readonly deadline: number;
  readonly timeoutSeconds: number;
  readonly now: () => Date;
  readonly onOutput: (step: string, chunk: Buffer) => void | Promise<void>;
};

export type CommandEnd = {
  readonly report: StepReport;
  /** One sentence; null when it passed. */
  readonly reason: string | null;
  readonly enforced: readonly string[];
  /** For those that come after it. */
  readonly outputs: Outputs;
};

/**
 * Never rejects for what a command does; says in its log why it failed.
 *
 * @param environment beside what the step itself says.
 */
export async function runCommand(
  around: Surroundings,
  step: Runnable & {
    readonly environment: Parameters<Environment>[1];
    readonly limits?: (StepLimits & { readonly timeoutSeconds: number | null }) | null;
    readonly caches?: readonly PlanCache[];
    readonly outputs?: string;
  },
  given: {
    readonly kind: StepReport['kind'];
    readonly environment: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    /** Asks it to end, and gives it time for that. */
    readonly cancelled: AbortSignal;
  },
): Promise<CommandEnd> {
  const { name } = step;
  const { kind, signal } = given;
  const told = `${kind} ${name}`;
  const startedAt = around.now().toISOString();
  const say = async (line: string): Promise<void> =>
    around.onOutput(name, Buffer.from(`${line}\n`));
  const end = async (
    outcome: StepReport['outcome'],
    reason: string | null,
    result: { exitCode: number | null; enforced: readonly string[] },
    outputs: Outputs = {},
  ): Promise<CommandEnd> => {
    if (reason !== null) await say(reason);
    const { exitCode, enforced } = result;
    const finishedAt = around.now().toISOString();
    const report = { name, kind, outcome, exitCode, startedAt, finishedAt };
    return { report, reason, enforced, outputs };
  };
  const nothing = { exitCode: null, enforced: [] };
  const found = around.isolation.catalogue.find(step.image);
  if (!found.listed) return end('failed', `${told}: ${found.reason}`, nothing);
  const { image } = found;
  const what = stepCommand(step, image);
  if (!what.ok) return end('failed', what.reason, nothing);
  const keep = await around.caches(step, say);
  const values = await around.environmentOf(name, step.environment);
  if (!values.ok) return end('failed', `${told}: ${values.reason}`, nothing);
  await say(imageLine(step.image, image, around.isolation.mode));
  const input = what.input === null ? null : around.workspace.beside(`script-${name}`);
  if (input !== null) {
    await writeFile(input, what.input ?? '');
    // Readable by all, in a directory that is not: the sandbox has another account.
    await chmod(input, 0o644);
  }
  const wall = wallOf(around, step.limits?.timeoutSeconds ?? null);
  let result: SandboxResult;
  try {
    result = await around.run({
      command: what.command,
      image,
      env: { ...around.environment, ...given.environment, ...what.env, ...values.environment },
      workspace: around.workspace.path,
      directory: around.directory,
      writable: true,
      egress: true,
      shown: values.shown,
      limits: step.limits ?? undefined,
      ...(input === null ? {} : { input }),
      wallSeconds: wall.seconds,
      signal,
      cancelled: given.cancelled,
      onOutput: (_, chunk) => around.onOutput(name, chunk),
    });
  } finally {
    await values.end();
    if (input !== null) await rm(input, { force: true });
  }
  const { outcome, exitCode } = result;
  if (outcome === 'cancelled') return end('cancelled', null, result);
  if (outcome === 'timed-out') return end('timed-out', `${told} was ended: ${wall.why}`, result);
  if (exitCode === 0) {
    const given = await outputsOf(around, step, signal);
    if (!given.ok) return end('failed', `${told}: ${given.reason}`, result);
    await keep();
    return end('passed', null, result, given.outputs);
  }
  const why =
    result.signal === null
      ? `failed with exit code ${exitCode ?? 'unknown'}`
      : `was ended by ${result.signal}`;
  return end('failed', `${told} ${why}`, result);
}

async function outputsOf(
  { run, workspace, directory }: Surroundings,
  { name, outputs: path }: { readonly name: string; readonly outputs?: string },
  signal: AbortSignal,
): ReturnType<typeof readOutputs> {
  if (path === undefined) return { ok: true, outputs: {} };
  const beside = workspace.beside(`outputs-${name}`);
  return readOutputs({
    ...{ isolation: { run }, workspace: workspace.path, directory, path, beside, signal },
  });
}

function wallOf(
  { deadline, timeoutSeconds }: Pick<Surroundings, 'deadline' | 'timeoutSeconds'>,
  own: number | null,
): { seconds: number; why: string } {
  const left = (deadline - performance.now()) / 1000;
  return own !== null && own < left
    ? { seconds: own, why: `it may take ${own} s` }
    : {
        seconds: Math.max(0.001, left),
        why: `all steps together may take ${timeoutSeconds} s`,
      };
}
