/**
 * A build: source in, the steps of one workflow, artifact out. Runner and rebuilder do it by this same code, so that what
 * differs between their artifacts was not made different here.
 */
import { posix } from 'node:path';
import type { JobService, JobStep, StepReport } from '@airlock/common/wire/runner-protocol';
import { ArtifactError, collectArtifact } from './artifact.ts';
import { createCaches, noCaches, type CacheStore } from './caches.ts';
import type { SecretsOf } from './environment.ts';
import type { Isolation } from './isolation/isolation.ts';
import { furnishHome, type HomeFile } from './home.ts';
import { runWorkflow } from './run-workflow.ts';
import type { SourceTree } from './source-tree.ts';
import { leavesWorkspace } from './step-command.ts';
import { type Source, unpackSource } from './source.ts';
import type { Workspace } from './workspace.ts';

export type BuildOptions = {
  isolation: Isolation;
  workspace: Workspace;
  /** Null: nothing is unpacked. */
  source: (() => Promise<Source>) | null;
  /** Directory of the source under the workspace; null: the workspace itself. */
  directory: string | null;
  /** For messages. */
  commit: string;
  steps: readonly JobStep[];
  services: readonly JobService[];
  secretsOf: SecretsOf;
  /** Default none. */
  home?: readonly HomeFile[];
  /** Null: nothing is there from other runs. */
  caches: { readonly store: CacheStore; readonly maxBytes: number } | null;
  /** The file to keep once every step passed; null: none. */
  artifact: { readonly path: string; readonly maxBytes: number } | null;
  /** For all steps together. */
  timeoutSeconds: number;
  /** Ends everything, and nothing is told. */
  signal: AbortSignal;
  /** Ends what runs and says so. */
  cancelled: AbortSignal;
  now: () => Date;
  onOutput: (step: string, chunk: Buffer) => void | Promise<void>;
};

export type Build = {
  outcome: 'passed' | 'failed' | 'cancelled';
  /** One sentence for people; null when it passed or was cancelled. */
  reason: string | null;
  /** Services after the steps. */
  steps: StepReport[];
  /** What was unpacked; null when nothing was. */
  source: SourceTree | null;
  /** `file` is on this machine, beside the workspace. */
  artifact: { readonly file: string; readonly digest: string; readonly size: number } | null;
  /** What the isolation says that it enforced. */
  enforced: readonly string[];
  /** What ended it that is neither the source's, a step's nor the artifact's fault. */
  accident: Error | null;
};

/**
 * Never rejects for what a build does.
 *
 * @throws when `signal` is aborted.
 */
export async function runBuild(options: BuildOptions): Promise<Build> {
  const { signal, directory, steps, services } = options;
  const enforced = new Set<string>();
  let reports: StepReport[] = [
    ...steps.map(({ name }) => skippedReport(name, 'step')),
    ...services.map(({ name }) => skippedReport(name, 'service')),
  ];
  let source: SourceTree | null = null;
  const end = (
    outcome: Build['outcome'],
    rest: Partial<Pick<Build, 'reason' | 'artifact' | 'accident'>>,
  ): Build => ({
    ...{ outcome, steps: reports, source, enforced: [...enforced] },
    reason: rest.reason?.slice(0, 1000) ?? null,
    artifact: rest.artifact ?? null,
    accident: rest.accident ?? null,
  });
  try {
    const refusal = refusalOf(options);
    if (refusal !== null) return end('failed', { reason: refusal });
    const unpacked = await unpackSource({
      ...options,
      directory: directory ?? '.',
      source: options.source === null ? null : await options.source(),
    });
    for (const word of unpacked.enforced) enforced.add(word);
    if (!unpacked.ok) {
      const reason = `the source of ${options.commit} could not be unpacked: ${unpacked.complaint}`;
      return end('failed', { reason });
    }
    source = unpacked.source;
    await furnishHome(options, options.home ?? []);
    const within = directory ?? '.';
    const ran = await runWorkflow({
      ...options,
      directory: within,
      caches:
        options.caches === null
          ? noCaches
          : createCaches({
              ...{ ...options, ...options.caches, directory: within },
              isReleased: options.artifact !== null,
            }),
      environment: fixedEnvironment(source?.time ?? 0),
    });
    reports = ran.reports;
    for (const word of ran.enforced) enforced.add(word);
    if (ran.outcome !== 'passed') return end(ran.outcome, { reason: ran.reason });
    return end('passed', { artifact: await keepArtifact(options) });
  } catch (cause) {
    if (signal.aborted) throw cause;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const accident = error instanceof ArtifactError ? null : error;
    return end('failed', { reason: error.message, accident });
  }
}

/** Of a step or service that was never started. */
export const skippedReport = (name: string, kind: StepReport['kind']): StepReport => ({
  ...{ name, kind, outcome: 'skipped', exitCode: null, startedAt: null, finishedAt: null },
});

/** What is known to be wrong before anything is fetched; null when nothing is. */
function refusalOf(options: BuildOptions): string | null {
  const { isolation, steps, services, directory, artifact, source } = options;
  const named = [
    ...steps.map((step) => ({ ...step, told: `step ${step.name}` })),
    ...services.map((service) => ({ ...service, told: `service ${service.name}` })),
  ];
  for (const { told, image } of named) {
    const found = isolation.catalogue.find(image);
    if (!found.listed) return `${told}: ${found.reason}`;
  }
  if (directory !== null && leavesWorkspace(directory)) {
    return `workspace path ${directory} leads out of the workspace; write a path within it`;
  }
  if (artifact !== null && source === null) {
    return `${artifact.path} cannot be kept of a workflow without a source: nobody could say what it was made of; take out skip_clone`;
  }
  return null;
}

/** What would otherwise differ from machine to machine; a step may set any of it to something else. */
function fixedEnvironment(sourceTime: number): Record<string, string> {
  return { TZ: 'UTC', LC_ALL: 'C', SOURCE_DATE_EPOCH: String(sourceTime) };
}

async function keepArtifact(options: BuildOptions): Promise<Build['artifact']> {
  const { artifact, isolation, workspace, directory, signal } = options;
  if (artifact === null) return null;
  const file = workspace.beside('artifact');
  const { digest, size } = await collectArtifact({
    ...{ isolation, workspace: workspace.path, to: file, signal },
    path: posix.join(directory ?? '.', artifact.path),
    maxBytes: artifact.maxBytes,
  });
  return { file, digest, size };
}
