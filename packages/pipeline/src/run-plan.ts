/** From two files at a commit to what a run will do. */
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import { conditionsHold, parsePipelineFile, type PipelineStep } from './pipeline-file.ts';
import { parseReleaseFile, releasePath } from './release-file.ts';
import type { PlanFiles } from './plan-files.ts';
import { formatFault } from './yaml-file.ts';

interface HeadFacts {
  readonly event: RunEvent;
  /** Of a pull request: the branch it wants to be merged into. */
  readonly branch: string;
  readonly pullRequest: number | null;
}

/** Aliases can repeat 64 KiB of file a hundred times; a plan travels to the runner and to the signer. */
const maxPlanBytes = 256 * 1024;

export type Planned =
  | { readonly kind: 'run'; readonly plan: RunPlan }
  /** Nothing is wanted for this head; no run is shown. */
  | { readonly kind: 'nothing'; readonly why: string }
  /** The files cannot be followed; a failed run says so. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Which event a ref stands for; null for refs that are not built. */
export function headFacts(ref: string, defaultBranch: string): HeadFacts | null {
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
  if (branch !== undefined) return { event: 'push', branch, pullRequest: null };
  const number = /^refs\/pull\/([1-9]\d{0,8})\/head$/.exec(ref)?.[1];
  if (number === undefined) return null;
  return { event: 'pull_request', branch: defaultBranch, pullRequest: Number(number) };
}

/** What a push to main runs: the one question that signer and gate ask. */
export function planMain(files: PlanFiles): Planned {
  return planRun(files, { event: 'push', branch: 'main' });
}

/**
 * The same files and facts give the same plan wherever it is asked: no setting of an installation goes in.
 *
 * @param files.release null when the commit has no release file: the run is built and nothing is kept.
 */
export function planRun(files: PlanFiles, facts: Pick<HeadFacts, 'event' | 'branch'>): Planned {
  const [file] = files.pipelines;
  if (file === undefined) return { kind: 'nothing', why: 'no .woodpecker.yaml at this commit' };
  const { path } = file;
  const pipeline = parsePipelineFile(file.text);
  if (!pipeline.ok) return { kind: 'refused', reason: reasonOf(path, pipeline.faults) };
  const release = files.release === null ? null : parseReleaseFile(files.release);
  if (release !== null && !release.ok) {
    return { kind: 'refused', reason: reasonOf(releasePath, release.faults) };
  }
  if (!conditionsHold(pipeline.value.when, facts)) {
    return { kind: 'nothing', why: `\`when\` of ${path} leaves out this event` };
  }
  const steps = pipeline.value.steps.filter((step) => conditionsHold(step.when, facts));
  if (steps.length === 0) return { kind: 'nothing', why: 'no step is for this event' };
  const name = 'woodpecker';
  const plan: RunPlan = {
    version: 2,
    workflows: [
      {
        ...{ name, instance: 0, file: path, matrix: {}, labels: {}, dependsOn: [] },
        runsOn: ['success'],
        clone: { depth: null, recursive: false, lfs: false, tags: false, partial: false },
        ...{ path: null, concurrency: null, services: [] },
        steps: steps.map((step: PipelineStep, index) => ({
          name: step.name,
          image: step.image,
          kind: 'commands',
          commands: [...step.commands],
          entrypoint: null,
          environment: { ...step.environment },
          directory: null,
          dependsOn: steps.slice(Math.max(0, index - 1), index).map((before) => before.name),
          runsOn: ['success'],
          failure: 'fail',
          detach: false,
          limits: null,
        })),
      },
    ],
    artifact:
      release === null
        ? null
        : {
            workflow: name,
            name: release.value.artifact.fileName,
            path: release.value.artifact.path,
            maxBytes: release.value.artifact.maxBytes,
          },
    release:
      release === null
        ? null
        : {
            version: release.value.release.version,
            targets: [...release.value.release.targets],
            requires: [],
          },
  };
  const size = Buffer.byteLength(JSON.stringify(plan));
  if (size > maxPlanBytes) {
    const reason = `${path}:1:1: written out it has ${size} bytes, at most ${maxPlanBytes} are run; use fewer aliases`;
    return { kind: 'refused', reason };
  }
  return { kind: 'run', plan };
}

function reasonOf(file: string, faults: readonly Parameters<typeof formatFault>[1][]): string {
  const shown = faults.slice(0, 20).map((fault) => formatFault(file, fault));
  if (faults.length > shown.length) shown.push(`and ${faults.length - shown.length} more`);
  return shown.join('\n');
}
