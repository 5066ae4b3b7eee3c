/**
 * The life of one job: source in, steps in order, artifact out, one report. Nothing of it is left on this machine after.
 *
 * A runner that cannot tell how a job ended says "failed" and why. A runner whose lease is gone or that is being stopped says
 * nothing: the job is or will be another's, and nonprod starts it again.
 */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Log } from '@airlock/process/log';
import type { Job, JobReport, StepReport } from '@airlock/common/wire/runner-protocol';
import { ArtifactError, collectArtifact } from '@airlock/build/artifact';
import { isLeaseLost, type ControlPlane } from './api/control-plane.ts';
import { stepScript } from '@airlock/build/step-script';
import { keepLease } from './lease-keeper.ts';
import { createLogStream, type LogStream } from './log-stream.ts';
import { createWorkspace, type Workspace } from '@airlock/build/workspace';
import type { Isolation } from '@airlock/build/isolation/isolation';

const maxLogBytes = 50 * 1024 * 1024;
const unpackSeconds = 600;

type Ports = {
  controlPlane: ControlPlane;
  isolation: Isolation;
  workDirectory: string;
  log: Log;
  now: () => Date;
};

type Result = Pick<JobReport, 'outcome' | 'reason' | 'steps' | 'artifact'>;

type Running = Ports & {
  job: Job;
  workspace: Workspace;
  output: LogStream;
  signal: AbortSignal;
  /** Filled by the first command that ran; the same for all commands of a runner. */
  enforced: Set<string>;
};

/** @param stopping given when this process is asked to end. */
export async function runJob(
  ports: Ports,
  job: Job,
  stopping: AbortSignal,
): Promise<'reported' | 'lease-lost' | 'stopped'> {
  const { controlPlane, isolation, log } = ports;
  const held = { jobId: job.jobId, lease: job.lease };
  const keeper = keepLease(job.leaseSeconds, (signal) => controlPlane.heartbeat(held, signal));
  const signal = AbortSignal.any([stopping, keeper.lost]);
  const workspace = await createWorkspace(ports.workDirectory);
  const output = createLogStream({
    maxBytes: maxLogBytes,
    send: (chunk) => controlPlane.appendLog(held, chunk, signal),
  });
  const enforced = new Set<string>();
  try {
    const result = await perform({ ...ports, job, workspace, output, signal, enforced });
    await output.end();
    signal.throwIfAborted();
    const isolationReport = { mode: isolation.mode, enforced: [...enforced] };
    await controlPlane.report(held, { ...result, isolation: isolationReport }, signal);
    log.info('job.reported', { job: job.jobId, outcome: result.outcome, reason: result.reason });
    return 'reported';
  } catch (error) {
    if (stopping.aborted) return 'stopped';
    if (!keeper.lost.aborted && !isLeaseLost(error)) throw error;
    log.warn('job.lease-lost', { job: job.jobId, lease: job.lease });
    return 'lease-lost';
  } finally {
    keeper.stop();
    await workspace.destroy();
  }
}

async function perform(running: Running): Promise<Result> {
  const { job, signal } = running;
  const steps: StepReport[] = job.steps.map(({ name }) => ({
    name,
    outcome: 'skipped',
    exitCode: null,
    startedAt: null,
    finishedAt: null,
  }));
  const failed = (reason: string | null): Result => ({
    outcome: 'failed',
    reason: reason === null ? null : reason.slice(0, 1000),
    steps,
    artifact: null,
  });
  try {
    const unpackFailure = await unpackSource(running);
    if (unpackFailure !== null) return failed(unpackFailure);
    const deadline = performance.now() + job.timeoutSeconds * 1000;
    for (const [index, step] of job.steps.entries()) {
      const { report, reason } = await runStep(running, step, deadline);
      steps[index] = report;
      if (report.outcome !== 'passed') return failed(reason);
    }
    const artifact = await keepArtifact(running);
    return { outcome: 'passed', reason: null, steps, artifact };
  } catch (error) {
    if (signal.aborted || isLeaseLost(error)) throw error;
    if (!(error instanceof ArtifactError)) {
      running.log.error('job.failed-here', { job: job.jobId, error: asError(error) });
    }
    return failed(asError(error).message);
  }
}

/** Null, or why there is no source. */
async function unpackSource(running: Running): Promise<string | null> {
  const { controlPlane, isolation, job, workspace, signal } = running;
  const archive = workspace.beside('source.tar');
  const stream = await controlPlane.source({ jobId: job.jobId, lease: job.lease }, signal);
  // Readable by all, in a directory that is not: the sandbox has another account.
  await pipeline(stream, createWriteStream(archive, { mode: 0o644, flags: 'wx' }), { signal });
  let complaint = '';
  const result = await isolation.run({
    command: ['/bin/sh', '-c', 'exec tar -x -f "$AIRLOCK_INPUT"'],
    env: {},
    workspace: workspace.path,
    writable: true,
    input: archive,
    wallSeconds: unpackSeconds,
    signal,
    onOutput: (_, chunk) => {
      complaint = (complaint + chunk.toString()).slice(0, 500);
    },
  });
  remember(running, result.enforced);
  signal.throwIfAborted();
  await rm(archive);
  return result.exitCode === 0
    ? null
    : `the source of ${job.commit} could not be unpacked: ${complaint.trim() || result.outcome}`;
}

async function runStep(
  running: Running,
  step: Job['steps'][number],
  deadline: number,
): Promise<{ report: StepReport; reason: string | null }> {
  const { isolation, job, workspace, output, signal, now } = running;
  const startedAt = now().toISOString();
  await output.write(step.name, Buffer.from(`${imageLine(step.image, isolation.mode)}\n`));
  const result = await isolation.run({
    command: ['/bin/sh', '-c', stepScript(step.commands)],
    env: step.environment,
    workspace: workspace.path,
    writable: true,
    wallSeconds: Math.max(0.001, (deadline - performance.now()) / 1000),
    signal,
    onOutput: (_, chunk) => output.write(step.name, chunk),
  });
  remember(running, result.enforced);
  signal.throwIfAborted();
  const report = (outcome: StepReport['outcome']): StepReport => ({
    name: step.name,
    outcome,
    exitCode: result.exitCode,
    startedAt,
    finishedAt: now().toISOString(),
  });
  if (result.outcome === 'timed-out') {
    const reason = `step ${step.name} was ended: all steps together may take ${job.timeoutSeconds} s`;
    return { report: report('timed-out'), reason };
  }
  if (result.exitCode === 0) return { report: report('passed'), reason: null };
  const reason = result.signal === null ? null : `step ${step.name} was ended by ${result.signal}`;
  return { report: report('failed'), reason };
}

async function keepArtifact(running: Running): Promise<JobReport['artifact']> {
  const { controlPlane, isolation, job, workspace, signal } = running;
  if (job.artifact === null) return null;
  const { name, path, maxBytes } = job.artifact;
  const to = workspace.beside('artifact');
  const { digest, size } = await collectArtifact({
    ...{ isolation, workspace: workspace.path, path, maxBytes, to, signal },
  });
  const held = { jobId: job.jobId, lease: job.lease };
  await controlPlane.uploadArtifact(held, { name, path: to, digest, size }, signal);
  return { name, digest, size };
}

/** Catalogue of the pool: every image name leads to the root file system of the pool itself. */
function imageLine(image: string, mode: Isolation['mode']): string {
  return mode === 'bubblewrap'
    ? `image ${image}: this pool runs every image on its own root file system`
    : `image ${image}: this pool runs every image on the machine itself, WITHOUT ISOLATION`;
}

function remember(running: Running, enforced: readonly string[]): void {
  for (const word of enforced) running.enforced.add(word);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
