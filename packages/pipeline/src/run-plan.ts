/** From the files at a commit to what a run will do. */
import type { PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import { RepositoryPath } from '@airlock/common/wire/scalars';
import { compileFile } from './compile.ts';
import type { Occasion } from './condition.ts';
import { findCycle } from './dependencies.ts';
import { workflowName, plainName } from './names.ts';
import { occasionOf, withOwnVariables } from './occasion.ts';
import { parsePipelineFile, type PipelineFile } from './pipeline-file.ts';
import type { PlanFiles } from './plan-files.ts';
import { releaseOf } from './plan-release.ts';
import { parseReleaseFile, releasePath, type ReleaseFile } from './release-file.ts';
import { formatFault, type Fault } from './yaml-file.ts';

/** Aliases can repeat 64 KiB of file a hundred times; a plan travels to the runner and to the signer. */
const maxPlanBytes = 256 * 1024;
/** Of all pipeline files together, so that who compiles them is done in a second. */
const maxTotalBytes = 256 * 1024;
const maxWorkflows = 64;
const shownFaults = 20;

export type Planned = {
  /** `file:line:column: …` each: followed, but written in an old way or meaning less than it says. */
  readonly warnings: readonly string[];
} & (
  | { readonly kind: 'run'; readonly plan: RunPlan }
  /** Nothing is wanted for this head; no run is shown. */
  | { readonly kind: 'nothing'; readonly why: string }
  /** The files cannot be followed; a failed run says so. */
  | { readonly kind: 'refused'; readonly reason: string }
);

/** A file that could be followed. */
interface Source {
  readonly name: string;
  readonly path: string;
  readonly file: PipelineFile;
}

/**
 * What a push to main runs: the one question that signer and gate ask, answered from the files alone. Nothing of the
 * repository, its commit or the installation is known, and every `path` condition holds: what can be promoted is built whole.
 */
export function planMain(files: PlanFiles): Planned {
  const environment = { CI_REPO_DEFAULT_BRANCH: 'main' };
  return planRun(files, occasionOf({ event: 'push', branch: 'main', environment }));
}

/**
 * The same files and the same occasion give the same plan wherever it is asked: no setting of an installation goes in.
 *
 * @param files.release null when the commit has no release file: the run is built and nothing is kept.
 */
export function planRun(files: PlanFiles, occasion: Occasion): Planned {
  const warnings: string[] = [];
  const refused = (reasons: readonly string[]): Planned => {
    const shown = reasons.slice(0, shownFaults);
    if (reasons.length > shown.length) shown.push(`and ${reasons.length - shown.length} more`);
    return { kind: 'refused', reason: shown.join('\n'), warnings };
  };
  if (files.pipelines.length === 0) {
    const why = 'no .woodpecker.yaml and no file in .woodpecker at this commit';
    return { kind: 'nothing', why, warnings };
  }
  const { sources, reasons } = readSources(files, warnings);
  const release = readRelease(files.release, reasons, warnings);
  if (reasons.length === 0) {
    reasons.push(...unknownDependencies(sources));
    if (release !== null) reasons.push(...releaseOf(release, sources).faults);
  }
  if (reasons.length > 0) return refused(reasons);

  const facts = withOwnVariables(occasion);
  const compiled = sources.map((source) => ({ path: source.path, ...compileFile(source, facts) }));
  const faults = compiled.flatMap(({ path, faults: some }) => formatted(path, some));
  if (faults.length > 0) return refused(faults);
  const workflows = withoutOrphans(compiled.flatMap((file) => file.workflows));
  const [first] = workflows;
  if (first === undefined) {
    const [only] = sources;
    const where = sources.length === 1 && only !== undefined ? only.path : 'every file';
    return { kind: 'nothing', why: `\`when\` of ${where} leaves out this event`, warnings };
  }
  if (workflows.length > maxWorkflows) {
    return refused([
      `${first.file}:1:1: ${workflows.length} workflows, combinations of matrices counted; at most ${maxWorkflows} are run`,
    ]);
  }
  const kept = release === null ? null : releaseOf(release, sources).plan(workflows);
  const plan: RunPlan = {
    version: 2,
    workflows: [...workflows],
    artifact: kept?.artifact ?? null,
    release: kept?.release ?? null,
  };
  const size = Buffer.byteLength(JSON.stringify(plan));
  if (size > maxPlanBytes) {
    return refused([
      `${first.file}:1:1: written out it has ${size} bytes, at most ${maxPlanBytes} are run; use fewer aliases or combinations`,
    ]);
  }
  return { kind: 'run', plan, warnings };
}

function readSources(
  { pipelines }: PlanFiles,
  warnings: string[],
): { sources: Source[]; reasons: string[] } {
  const sources: Source[] = [];
  const reasons: string[] = [];
  const total = pipelines.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const [{ path: first } = { path: '' }] = pipelines;
  if (total > maxTotalBytes) {
    return {
      sources,
      reasons: [
        `${first}:1:1: the pipeline files have ${total} bytes together; at most ${maxTotalBytes} are read`,
      ],
    };
  }
  if (pipelines.length > maxWorkflows) {
    return { sources, reasons: [`${first}:1:1: more than ${maxWorkflows} pipeline files`] };
  }
  for (const { path, text } of pipelines) {
    const parsed = parsePipelineFile(text);
    warnings.push(...formatted(path, parsed.warnings));
    const name = workflowName(path);
    if (!parsed.ok) reasons.push(...formatted(path, parsed.faults));
    else if (name === null || !RepositoryPath.safeParse(path).success) {
      reasons.push(`${path}:1:1: a pipeline file’s name has letters, digits, . _ + - only`);
    } else if (sources.some((source) => source.name === name)) {
      reasons.push(`${path}:1:1: another file is the workflow ${name} already`);
    } else sources.push({ name, path, file: parsed.value });
  }
  return { sources, reasons };
}

function readRelease(
  text: string | null,
  reasons: string[],
  warnings: string[],
): ReleaseFile | null {
  if (text === null) return null;
  const parsed = parseReleaseFile(text);
  warnings.push(...formatted(releasePath, parsed.warnings));
  if (parsed.ok) return parsed.value;
  reasons.push(...formatted(releasePath, parsed.faults));
  return null;
}

/** Names that no file has, and files that wait for each other. */
function unknownDependencies(sources: readonly Source[]): string[] {
  const names = new Map(
    sources.map(({ name, file }) => [name, file.dependsOn.map((one) => plainName(one.name) ?? '')]),
  );
  const reasons = sources.flatMap(({ path, file }) =>
    file.dependsOn.flatMap(({ name, optional, place }) => {
      if (optional || names.has(plainName(name) ?? '')) return [];
      const message = `no workflow is named ${name}; there are ${[...names.keys()].join(', ')}`;
      return formatted(path, [{ ...place, path: 'depends_on', message }]);
    }),
  );
  const cycle = findCycle(names);
  const start = sources.find(({ name }) => name === cycle?.[0]);
  if (cycle !== null && start !== undefined) {
    const message = `these workflows wait for each other: ${cycle.join(' → ')}`;
    reasons.push(...formatted(start.path, [{ line: 1, column: 1, path: 'depends_on', message }]));
  }
  return reasons;
}

/** Woodpecker's rule: a workflow runs only with those that it waits for; optional ones that do not run are left out. */
function withoutOrphans(workflows: readonly PlanWorkflow[]): readonly PlanWorkflow[] {
  const names = new Set(workflows.map(({ name }) => name));
  const kept = workflows
    .filter(({ dependsOn }) => dependsOn.every(({ name, optional }) => optional || names.has(name)))
    .map((workflow) => ({
      ...workflow,
      dependsOn: workflow.dependsOn.filter(({ name }) => names.has(name)),
    }));
  return kept.length === workflows.length ? kept : withoutOrphans(kept);
}

function formatted(path: string, faults: readonly Fault[]): string[] {
  return faults.map((fault) => formatFault(path, fault));
}
