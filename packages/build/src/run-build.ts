/**
 * A build: source in, steps in order, artifact out. Runner and rebuilder do it by this same code, so that what differs
 * between their artifacts was not made different here.
 */
import type { Readable } from 'node:stream';
import type { JobStep, StepReport } from '@airlock/common/wire/runner-protocol';
import { ArtifactError, collectArtifact } from './artifact.ts';
import { imageLine, type CatalogueImage } from './isolation/catalogue.ts';
import type { Isolation } from './isolation/isolation.ts';
import type { SourceTree } from './source-tree.ts';
import { unpackSource } from './source.ts';
import { stepScript } from './step-script.ts';
import type { Workspace } from './workspace.ts';

export type BuildOptions = {
  isolation: Isolation;
  workspace: Workspace;
  /** The tree as `git archive` writes it. */
  source: () => Promise<Readable>;
  /** For messages. */
  commit: string;
  steps: readonly JobStep[];
  /** The file to keep once every step passed; null: none. */
  artifact: { readonly path: string; readonly maxBytes: number } | null;
  /** For all steps together. */
  timeoutSeconds: number;
  signal: AbortSignal;
  now: () => Date;
  onOutput: (step: string, chunk: Buffer) => void | Promise<void>;
};

export type Build = {
  outcome: 'passed' | 'failed';
  /** One sentence for people; null when it passed, or when a step's exit code says it all. */
  reason: string | null;
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
  const { signal } = options;
  const enforced = new Set<string>();
  const steps: StepReport[] = options.steps.map(({ name }) => ({
    name,
    kind: 'step',
    outcome: 'skipped',
    exitCode: null,
    startedAt: null,
    finishedAt: null,
  }));
  let source: SourceTree | null = null;
  const failed = (reason: string | null, accident: Error | null = null): Build => ({
    outcome: 'failed',
    reason: reason === null ? null : reason.slice(0, 1000),
    steps,
    source,
    artifact: null,
    enforced: [...enforced],
    accident,
  });
  try {
    const unpacked = await unpackSource({ ...options, source: await options.source() });
    for (const word of unpacked.enforced) enforced.add(word);
    if (!unpacked.ok) {
      return failed(`the source of ${options.commit} could not be unpacked: ${unpacked.complaint}`);
    }
    source = unpacked.source;
    const images: CatalogueImage[] = [];
    for (const { name, image } of options.steps) {
      const found = options.isolation.catalogue.find(image);
      if (!found.listed) return failed(`step ${name}: ${found.reason}`);
      images.push(found.image);
    }
    const { time } = source;
    const deadline = performance.now() + options.timeoutSeconds * 1000;
    for (const [index, step] of options.steps.entries()) {
      const { report, reason, words } = await runStep(options, {
        ...{ step, deadline, time },
        image: images[index],
      });
      for (const word of words) enforced.add(word);
      steps[index] = report;
      if (report.outcome !== 'passed') return failed(reason);
    }
    const artifact = await keepArtifact(options);
    return {
      ...{ outcome: 'passed', reason: null, steps, source, artifact },
      ...{ enforced: [...enforced], accident: null },
    };
  } catch (cause) {
    if (signal.aborted) throw cause;
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return failed(error.message, error instanceof ArtifactError ? null : error);
  }
}

/** What would otherwise differ from machine to machine; a step may set any of it to something else. */
function fixedEnvironment(sourceTime: number): Record<string, string> {
  return { TZ: 'UTC', LC_ALL: 'C', SOURCE_DATE_EPOCH: String(sourceTime) };
}

/** @throws Error for a value that only a secret would give. */
function plainEnvironment({ name, environment }: JobStep): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([variable, value]) => {
      if (typeof value === 'string') return [variable, value];
      throw new Error(
        `step ${name}: ${variable} is the secret ${value.secret}, which is not given here`,
      );
    }),
  );
}

async function runStep(
  options: BuildOptions,
  {
    step,
    image = options.isolation.catalogue.base,
    deadline,
    time,
  }: { step: JobStep; image: CatalogueImage | undefined; deadline: number; time: number },
): Promise<{ report: StepReport; reason: string | null; words: readonly string[] }> {
  const { isolation, workspace, onOutput, signal, now } = options;
  const startedAt = now().toISOString();
  await onOutput(step.name, Buffer.from(`${imageLine(step.image, image, isolation.mode)}\n`));
  const result = await isolation.run({
    command: ['/bin/sh', '-c', stepScript(step.commands)],
    image,
    env: { ...fixedEnvironment(time), ...plainEnvironment(step) },
    workspace: workspace.path,
    writable: true,
    wallSeconds: Math.max(0.001, (deadline - performance.now()) / 1000),
    signal,
    onOutput: (_, chunk) => onOutput(step.name, chunk),
  });
  signal.throwIfAborted();
  const report = (outcome: StepReport['outcome'], reason: string | null) => ({
    report: {
      name: step.name,
      kind: 'step' as const,
      outcome,
      exitCode: result.exitCode,
      startedAt,
      finishedAt: now().toISOString(),
    },
    reason,
    words: result.enforced,
  });
  if (result.outcome === 'timed-out') {
    return report(
      'timed-out',
      `step ${step.name} was ended: all steps together may take ${options.timeoutSeconds} s`,
    );
  }
  if (result.exitCode === 0) return report('passed', null);
  return report(
    'failed',
    result.signal === null ? null : `step ${step.name} was ended by ${result.signal}`,
  );
}

async function keepArtifact(options: BuildOptions): Promise<Build['artifact']> {
  const { artifact, isolation, workspace, signal } = options;
  if (artifact === null) return null;
  const file = workspace.beside('artifact');
  const { digest, size } = await collectArtifact({
    ...{ isolation, workspace: workspace.path, to: file, signal },
    path: artifact.path,
    maxBytes: artifact.maxBytes,
  });
  return { file, digest, size };
}
