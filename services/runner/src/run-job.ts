/**
 * The life of one job: source in, steps in order, artifact out, one report. Nothing of it is left on this machine after.
 *
 * A runner that cannot tell how a job ended says "failed" and why; so does one that is told that the run was cancelled. A
 * runner whose lease is gone or that is being stopped says nothing: the job is or will be another's, and nonprod starts it
 * again.
 */
import type { Log } from '@airlock/process/log';
import { runBuild, skippedReport } from '@airlock/build/run-build';
import { createWorkspace, type Workspace, type WorkspaceLimits } from '@airlock/build/workspace';
import { imagesDigest } from '@airlock/build/isolation/catalogue';
import {
  baitEnvironment,
  baitFiles,
  baitTexts,
  type BaitWatch,
  type Watching,
} from './bait-watch.ts';
import type { DayBudget } from './day-budget.ts';
import { createJobCaches } from './job-caches.ts';
import type { Source } from '@airlock/build/source';
import type { Isolation } from '@airlock/build/isolation/isolation';
import { maxCacheBytes } from '@airlock/common/wire/cache';
import type { PlanWorkflow } from '@airlock/common/wire/run-plan';
import type { Job, JobReport } from '@airlock/common/wire/runner-protocol';
import { createMasker } from '@airlock/masking/masker';
import { jobServices } from '@airlock/pipeline/job-services';
import { jobSteps } from '@airlock/pipeline/job-steps';
import { workflowOf } from '@airlock/common/workflow-name';
import { toldFault } from './told-facts.ts';
import { isLeaseLost, isUnreachable } from './api/answers.ts';
import type { ControlPlane } from './api/control-plane.ts';
import { attestRun, type Attester } from './attest.ts';
import { keepLease } from './lease-keeper.ts';
import type { EgressTally } from './egress-tally.ts';
import { createKnownSecrets, type KnownSecrets } from './known-secrets.ts';
import { createLogStream, type LogStream } from './log-stream.ts';
import { sendReports } from './send-reports.ts';
import { createStepSecrets } from './step-secrets.ts';

/** Who it was stands at nonprod. */
const cancelledHere = 'The run was cancelled.';
const maxLogBytes = 128 * 1024 * 1024;

type Ports = {
  controlPlane: ControlPlane;
  isolation: Isolation;
  attester: Attester;
  /** SHA-256 of the software of this machine, which images may stand for. */
  machineImage: string;
  workDirectory: string;
  limits: WorkspaceLimits;
  budget: Pick<DayBudget, 'begin' | 'end'>;
  /** Of what builds send and fetch; null: they have no way out. */
  egress: EgressTally | null;
  bait: BaitWatch;
  log: Log;
  now: () => Date;
};

type Result = Omit<JobReport, 'lease' | 'egress' | 'baitSeen'>;

type Running = Ports & {
  job: Job;
  workspace: Workspace;
  output: LogStream;
  known: KnownSecrets;
  signal: AbortSignal;
  cancelled: AbortSignal;
};

/**
 * @param stopping given when this process is asked to end.
 * @param onBuilt called when all that is left is to report and to tidy up.
 */
export async function runJob(
  ports: Ports,
  job: Job,
  stopping: AbortSignal,
  onBuilt: () => void = () => {},
): Promise<'reported' | 'lease-lost' | 'stopped'> {
  const { controlPlane, log } = ports;
  const held = { jobId: job.jobId, lease: job.lease };
  const keeper = keepLease(job.leaseSeconds, (signal) => controlPlane.heartbeat(held, signal));
  const signal = AbortSignal.any([stopping, keeper.lost]);
  const { cancelled } = keeper;
  // What a job before, whose lease was lost, has not told of.
  ports.egress?.take();
  const bait = job.bait ?? [];
  ports.bait.begin(bait);
  const masker = createMasker();
  const known = createKnownSecrets(masker);
  for (const each of bait) {
    masker.add(baitTexts(each));
    known.add(`the bait ${each.name}`, Buffer.from(each.value));
  }
  const output = createLogStream({
    maxBytes: maxLogBytes,
    masker,
    send: (piece) => controlPlane.appendLog(held, piece, signal),
  });
  let workspace: Workspace | null = null;
  let tidying: Promise<unknown> | null = null;
  try {
    // Without one the job is nobody's work here: its lease ends, and another runner takes it.
    workspace = await createWorkspace(ports.workDirectory, ports.limits);
    const running = { ...ports, job, workspace, output, known, signal, cancelled };
    const result = await withItsLog(running, await withinBudget(running));
    signal.throwIfAborted();
    const egress = ports.egress?.take() ?? null;
    const baitSeen = ports.bait.take();
    onBuilt();
    tidying = Promise.all([ports.budget.end(), workspace.destroy()]);
    // Thrown below, where it is waited for.
    tidying.catch(() => {});
    await controlPlane.report(held, { ...result, egress, baitSeen }, signal);
    log.info('job.reported', { job: job.jobId, outcome: result.outcome, reason: result.reason });
    return 'reported';
  } catch (error) {
    if (stopping.aborted) return 'stopped';
    if (!keeper.lost.aborted && !isLeaseLost(error)) throw error;
    log.warn('job.lease-lost', { job: job.jobId, lease: job.lease });
    return 'lease-lost';
  } finally {
    keeper.stop();
    known.wipe();
    await (tidying ?? Promise.all([ports.budget.end(), workspace?.destroy()]));
  }
}

/** Of this runner's own count: nonprod has budgets too, and is not asked whether they still hold. */
async function withinBudget(running: Running): Promise<Result> {
  const { budget, job, isolation } = running;
  const given = await budget.begin(job.run.repositoryUrl);
  if ('refused' in given) {
    const told = { steps: noSteps(job), isolation: { mode: isolation.mode, enforced: [] } };
    return failedHere(running, new Error(given.refused), told);
  }
  return await perform(running, Math.min(job.timeoutSeconds, given.seconds));
}

const noSteps = ({ plan, workflow, run }: Job): Result['steps'] => [
  ...jobSteps(plan, workflow, run).map(({ name }) => skippedReport(name, 'step')),
  ...jobServices(plan, workflow, run).map(({ name }) => skippedReport(name, 'service')),
];

async function perform(running: Running, timeoutSeconds: number): Promise<Result> {
  const { controlPlane, isolation, job, workspace, output, known, signal, cancelled, now } =
    running;
  const held = { jobId: job.jobId, lease: job.lease };
  const { plan, maxArtifactBytes } = job;
  const startedAt = now();
  const workflow = workflowOf(plan, job.workflow);
  const clone = workflow?.clone ?? null;
  const { bait = [] } = job;
  const planned = jobSteps(plan, job.workflow, job.run).map((step) => ({
    ...step,
    environment: { ...baitEnvironment(bait), ...step.environment },
  }));
  const services = jobServices(plan, job.workflow, job.run);
  const none = { steps: noSteps(job), isolation: { mode: isolation.mode, enforced: [] } };
  const object = Buffer.from(job.commitObject, 'base64');
  const fault = toldFault(job.run, object);
  if (fault !== null) return failedHere(running, new Error(fault), none);
  const wanted = plan.artifact?.workflow === job.workflow.name ? plan.artifact : null;
  const secretsOf = createStepSecrets({
    ...{ controlPlane, job, isolation, known, signal },
    beside: (name) => workspace.beside(name),
  });
  const logs = new Map<string, Watching>();
  const watching = (step: string): Watching => {
    const log = logs.get(step) ?? running.bait.open('log', step);
    logs.set(step, log);
    return log;
  };
  const build = await runBuild({
    ...{ isolation, workspace, signal, now },
    caches: { store: createJobCaches({ controlPlane, job, signal }), maxBytes: maxCacheBytes },
    commit: job.run.commit,
    ...{ steps: planned, services, directory: workflow?.path ?? null, secretsOf },
    home: baitFiles(bait),
    artifact:
      wanted === null
        ? null
        : {
            path: wanted.path,
            maxBytes: Math.min(wanted.maxBytes ?? maxArtifactBytes, maxArtifactBytes),
          },
    timeoutSeconds,
    source: clone === null ? null : () => sourceOf(running, clone, object),
    cancelled,
    async onOutput(step, chunk) {
      watching(step).see(chunk);
      await output.write(step, chunk);
    },
  });
  for (const log of logs.values()) log.end();
  const { reason, steps, enforced, source } = build;
  await sendReports({
    ...{ controlPlane, isolation, workspace, job, known, signal, steps: planned, reports: steps },
    directory: workflow?.path ?? null,
    say: async (step, line) => output.write(step, Buffer.from(`${line}\n`)),
  });
  const outcome = build.outcome === 'passed' ? 'passed' : 'failed';
  const finishedAt = now();
  const told = { steps, isolation: { mode: isolation.mode, enforced: [...enforced] } };
  if (build.accident !== null) return failedHere(running, build.accident, told);
  if (cancelled.aborted) {
    return { ...told, outcome: 'failed', reason: cancelledHere, artifact: null, attestation: null };
  }
  if (source === null || build.artifact === null || wanted === null) {
    return { ...told, outcome, reason, artifact: null, attestation: null };
  }
  const { file, digest, size } = build.artifact;
  const { name } = wanted;
  const leaked = await known.in(file);
  if (leaked.length > 0) {
    const reason = `${name} holds the value of ${leaked.join(' and ')}, which this run was given; it was not kept. Find out which step writes it there, and set the secret anew if the file has gone elsewhere.`;
    return { ...told, outcome: 'failed', reason, artifact: null, attestation: null };
  }
  try {
    await controlPlane.uploadArtifact(held, { name, path: file, digest, size }, signal);
  } catch (cause) {
    return failedHere(running, cause, told);
  }
  const attestation = attestRun(running.attester, {
    ...{ job, source, artifact: { name, digest }, startedAt, finishedAt },
    image: imagesDigest(
      isolation.catalogue,
      [...planned, ...services].map(({ image }) => image),
      running.machineImage,
    ),
    isolation: told.isolation,
  });
  return { ...told, outcome, reason, artifact: { name, digest, size }, attestation };
}

async function sourceOf(
  { controlPlane, job, signal }: Running,
  clone: NonNullable<PlanWorkflow['clone']>,
  object: Buffer,
): Promise<Source> {
  const archive = await controlPlane.source({ jobId: job.jobId, lease: job.lease }, signal);
  const { commit, ref, repositoryUrl } = job.run;
  return {
    archive,
    checkout: { commit, object, ref, url: repositoryUrl, withFiles: !clone.partial },
  };
}

/** A log that is refused fails its job: unsaid, each runner in turn would be given the job and have its log refused. */
async function withItsLog(running: Running, result: Result): Promise<Result> {
  try {
    await running.output.end();
    return result;
  } catch (cause) {
    if (isUnreachable(cause)) throw cause;
    return failedHere(running, cause, result);
  }
}

/** @throws what it is given when the job is no longer this runner's. */
function failedHere(
  { job, log, signal }: Running,
  cause: unknown,
  told: Pick<Result, 'steps' | 'isolation'>,
): Result {
  if (signal.aborted || isLeaseLost(cause)) throw cause;
  const { steps, isolation } = told;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  log.error('job.failed-here', { job: job.jobId, error });
  const reason = error.message.slice(0, 1000);
  return { steps, isolation, outcome: 'failed', reason, artifact: null, attestation: null };
}
