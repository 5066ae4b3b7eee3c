/** From two files at a commit to what a run will do. */
import type { Job } from '@airlock/common/wire/runner-protocol';
import {
  conditionsHold,
  parsePipelineFile,
  pipelinePath,
  type PipelineStep,
} from './pipeline-file.ts';
import { parseReleaseFile, releasePath } from './release-file.ts';

import { substituteInCommand, substituteInValue } from './substitution.ts';
import { formatFault } from './yaml-file.ts';

export type RunEvent = 'push' | 'pull_request' | 'manual';

interface HeadFacts {
  readonly event: RunEvent;
  /** Of a pull request: the branch it wants to be merged into. */
  readonly branch: string;
  readonly pullRequest: number | null;
}

export interface PlannedStep {
  readonly name: string;
  readonly image: string;
  readonly commands: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface RunPlan {
  readonly steps: readonly PlannedStep[];
  readonly artifact: {
    readonly name: string;
    readonly path: string;
    readonly maxBytes: number;
  } | null;
  readonly release: { readonly version: string | null; readonly targets: readonly string[] } | null;
}

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

/** @param files.release null when the commit has no release file: the run is built and nothing is kept. */
export function planRun(
  files: { readonly pipeline: string | null; readonly release: string | null },
  facts: HeadFacts,
  limits: { readonly maxArtifactBytes: number },
): Planned {
  if (files.pipeline === null) return { kind: 'nothing', why: `no ${pipelinePath} at this commit` };
  const pipeline = parsePipelineFile(files.pipeline);
  if (!pipeline.ok) {
    return { kind: 'refused', reason: reasonOf(pipelinePath, pipeline.faults) };
  }
  const release =
    files.release === null
      ? null
      : parseReleaseFile(files.release, { maxBytes: limits.maxArtifactBytes });
  if (release !== null && !release.ok) {
    return { kind: 'refused', reason: reasonOf(releasePath, release.faults) };
  }
  if (!conditionsHold(pipeline.value.when, facts)) {
    return { kind: 'nothing', why: `\`when\` of ${pipelinePath} leaves out this event` };
  }
  const steps = pipeline.value.steps.filter((step) => conditionsHold(step.when, facts));
  if (steps.length === 0) return { kind: 'nothing', why: 'no step is for this event' };
  return {
    kind: 'run',
    plan: {
      steps: steps.map(({ name, image, commands, environment }: PipelineStep) => ({
        name,
        image,
        commands,
        environment,
      })),
      artifact:
        release === null
          ? null
          : {
              name: release.value.artifact.fileName,
              path: release.value.artifact.path,
              maxBytes: release.value.artifact.maxBytes,
            },
      release:
        release === null
          ? null
          : { version: release.value.release.version, targets: release.value.release.targets },
    },
  };
}

function reasonOf(file: string, faults: readonly Parameters<typeof formatFault>[1][]): string {
  const shown = faults.slice(0, 20).map((fault) => formatFault(file, fault));
  if (faults.length > shown.length) shown.push(`and ${faults.length - shown.length} more`);
  return shown.join('\n');
}

export interface RunForJob {
  readonly id: string;
  readonly number: number;
  readonly repository: string;
  readonly repositoryUrl: string;
  readonly ref: string;
  readonly branch: string;
  readonly commit: string;
  readonly event: RunEvent;
  readonly pullRequest: number | null;
  readonly subject: string;
  readonly authorName: string;
  readonly plan: RunPlan;
}

/** Woodpecker's names for what a step may know about its run. */
export function ciVariables(run: RunForJob): Record<string, string> {
  return {
    CI: 'woodpecker',
    AIRLOCK: '1',
    CI_REPO: run.repository,
    CI_REPO_NAME: run.repository.slice(run.repository.lastIndexOf('/') + 1),
    CI_REPO_CLONE_URL: run.repositoryUrl,
    CI_COMMIT_SHA: run.commit,
    CI_COMMIT_REF: run.ref,
    CI_COMMIT_BRANCH: run.branch,
    CI_COMMIT_MESSAGE: run.subject,
    CI_COMMIT_AUTHOR: run.authorName,
    ...(run.pullRequest === null
      ? {}
      : {
          CI_COMMIT_PULL_REQUEST: String(run.pullRequest),
          CI_COMMIT_TARGET_BRANCH: run.branch,
        }),
    CI_PIPELINE_NUMBER: String(run.number),
    CI_PIPELINE_EVENT: run.event,
    CI_WORKFLOW_NAME: 'woodpecker',
  };
}

/** What a runner is told to do. */
export function jobSteps(run: RunForJob): Job['steps'] {
  const ci = ciVariables(run);
  return run.plan.steps.map((step) => {
    const environment: Record<string, string> = { ...ci, CI_STEP_NAME: step.name };
    for (const [name, value] of Object.entries(step.environment)) {
      environment[name] = substituteInValue(value, ci);
    }
    return {
      name: step.name,
      image: substituteInValue(step.image, ci),
      commands: step.commands.map((command) => substituteInCommand(command, ci)),
      environment,
    };
  });
}
