/** The steps of one workflow in one workspace: as many at once as their order allows, with their services beside them. */
import type { JobService, JobStep, StepReport } from '@airlock/common/wire/runner-protocol';
import { createBackground, untilListening, type Background } from './background.ts';
import { environmentWith, type SecretsOf } from './environment.ts';
import type { IsolatedNetwork, Isolation } from './isolation/isolation.ts';
import { outputsBefore, type Outputs } from './outputs.ts';
import { createProgress } from './progress.ts';
import { runCommand, type CommandEnd, type Surroundings } from './run-step.ts';
import { neverReady } from './schedule.ts';

/** A workflow of a hundred steps that depend on nothing would otherwise start a hundred sandboxes at once. */
const mostAtOnce = 16;

export type WorkflowOptions = Omit<
  Surroundings,
  'isolation' | 'run' | 'environmentOf' | 'deadline'
> & {
  readonly isolation: Isolation;
  readonly steps: readonly JobStep[];
  readonly services: readonly JobService[];
  readonly secretsOf: SecretsOf;
  /** Ends everything, and nothing is told. */
  readonly signal: AbortSignal;
  /** Ends what runs and skips the rest, and says so. */
  readonly cancelled: AbortSignal;
};

export type WorkflowEnd = {
  readonly outcome: 'passed' | 'failed' | 'cancelled';
  /** One sentence on what failed first; null when it passed or was cancelled. */
  readonly reason: string | null;
  /** In the order of the workflow, services last. */
  readonly reports: StepReport[];
  readonly enforced: readonly string[];
};

/**
 * Never rejects for what a step does. Whatever it started has ended when it returns or throws.
 *
 * @throws when `signal` is aborted, and what `onOutput`, `secretsOf` and the isolation throw.
 */
export async function runWorkflow(options: WorkflowOptions): Promise<WorkflowEnd> {
  const { isolation, steps, services } = options;
  const stuck = neverReady(steps);
  if (stuck !== null) throw new RangeError(`step ${stuck} waits for itself or for no step`);
  // Only what others shall reach needs a network of its own: it costs a process.
  const named = [...services, ...steps.filter(({ detach }) => detach)].map(({ name }) => name);
  const network = named.length === 0 ? null : await isolation.openNetwork(named);
  const around: Surroundings = {
    ...options,
    run: (command) => (network ?? isolation).run(command),
    environmentOf: environmentWith(options.secretsOf),
    deadline: performance.now() + options.timeoutSeconds * 1000,
  };
  const broken = new AbortController();
  const background = createBackground();
  const running = new Map<string, Promise<CommandEnd>>();
  try {
    return await follow({
      ...{ options, around, network, background, running },
      broken: broken.signal,
    });
  } catch (cause) {
    broken.abort();
    throw cause;
  } finally {
    await Promise.allSettled([...running.values(), background.stop()]);
    await network?.close();
  }
}

async function follow(given: {
  options: WorkflowOptions;
  around: Surroundings;
  network: IsolatedNetwork | null;
  background: Background;
  running: Map<string, Promise<CommandEnd>>;
  broken: AbortSignal;
}): Promise<WorkflowEnd> {
  const { options, around, network, background, running } = given;
  const failures: string[] = [];
  const onFailure = (reason: string): void => void failures.push(reason);
  const progress = createProgress(options.steps, onFailure);
  const { cancelled, steps } = options;
  const outputs = new Map<string, Outputs>();
  const killed = AbortSignal.any([given.broken, options.signal, progress.stopped]);
  const stop = AbortSignal.any([killed, cancelled]);
  const signals = { killed, cancelled, stop };
  await startServices(options.services, { around, network, background, onFailure, ...signals });
  while (!stop.aborted && performance.now() < around.deadline) {
    const startable = progress.startable(mostAtOnce - running.size);
    for (const { step, after } of startable) {
      const begin = (signal: AbortSignal): Promise<CommandEnd> =>
        runCommand(around, step, {
          kind: 'step',
          environment: { ...outputsBefore(step, steps, outputs), CI_PIPELINE_STATUS: after },
          signal: AbortSignal.any([killed, signal]),
          cancelled,
        });
      if (step.detach) background.start(begin, step.failure === 'ignore' ? null : onFailure);
      else running.set(step.name, begin(killed));
    }
    // Nobody waits for such a step, so that others may start already.
    if (startable.some(({ step }) => step.detach)) continue;
    if (running.size === 0) break;
    const { report, ...end } = await Promise.race(running.values());
    running.delete(report.name);
    outputs.set(report.name, end.outputs);
    progress.ended({ report, ...end });
  }
  for (const end of await Promise.all(running.values())) progress.ended(end);
  const beside = await background.stop();
  options.signal.throwIfAborted();
  const ends = options.cancelled.aborted ? beside : beside.map(endedInTime);
  return endOf(options, [...progress.ends(), ...ends], failures);
}

async function startServices(
  services: readonly JobService[],
  given: {
    around: Surroundings;
    network: IsolatedNetwork | null;
    background: Background;
    onFailure: (reason: string) => void;
    killed: AbortSignal;
    cancelled: AbortSignal;
    stop: AbortSignal;
  },
): Promise<void> {
  const { around, network, background, onFailure, killed, cancelled, stop } = given;
  if (network === null) return;
  const started = services.map((service) => ({
    service,
    running: background.start(
      (signal) =>
        runCommand(around, service, {
          ...{ kind: 'service', environment: {} },
          signal: AbortSignal.any([killed, signal]),
          cancelled,
        }),
      service.failure === 'ignore' ? null : onFailure,
    ),
  }));
  await Promise.all(
    started.map(({ service, running }) =>
      untilListening(service, {
        ...{ running, network, signal: stop },
        say: (line) => around.onOutput(service.name, Buffer.from(`${line}\n`)),
      }),
    ),
  );
}

/** What runs until the last step has ended did what it was for. */
function endedInTime(end: CommandEnd): CommandEnd {
  return end.report.outcome === 'cancelled'
    ? { ...end, report: { ...end.report, outcome: 'passed' } }
    : end;
}

function endOf(
  { steps, services, cancelled }: WorkflowOptions,
  ends: readonly CommandEnd[],
  failures: readonly string[],
): WorkflowEnd {
  const byName = new Map(ends.map(({ report }) => [report.name, report]));
  const reportOf = (name: string, kind: StepReport['kind']): StepReport =>
    byName.get(name) ?? {
      ...{ name, kind, outcome: 'skipped', exitCode: null, startedAt: null, finishedAt: null },
    };
  const reports = [
    ...steps.map(({ name }) => reportOf(name, 'step')),
    ...services.map(({ name }) => reportOf(name, 'service')),
  ];
  const [first = null] = failures;
  const wasCancelled = cancelled.aborted && reports.some(({ outcome }) => outcome === 'cancelled');
  return {
    outcome: wasCancelled ? 'cancelled' : first === null ? 'passed' : 'failed',
    reason: wasCancelled ? null : first,
    reports,
    enforced: [...new Set(ends.flatMap(({ enforced }) => enforced))],
  };
}
