/** From a parsed file and what happened to the workflows of the plan: one, or one for each combination of its matrix. */
import type { PlanStep, PlanWorkflow } from '@airlock/common/wire/run-plan';
import { holding, statusesOf, type ConditionFacts, type Occasion } from './condition.ts';
import type { Combination } from './matrix.ts';
import { createNaming, plainName } from './names.ts';
import type { PipelineFile } from './pipeline-file.ts';
import type { PipelineStep } from './step.ts';
import { substituteKnown } from './substitution.ts';
import type { Fault } from './yaml-file.ts';

export interface CompiledFile {
  /** Empty when nothing of the file is for this occasion. */
  readonly workflows: readonly PlanWorkflow[];
  /** What is wrong only for this occasion: a step that waits for one that does not run. */
  readonly faults: readonly Fault[];
}

const defaultPlatform = 'linux/amd64';

export function compileFile(
  source: { readonly name: string; readonly path: string; readonly file: PipelineFile },
  occasion: Occasion,
): CompiledFile {
  const { matrix } = source.file;
  const combinations = matrix.length === 0 ? [{}] : matrix;
  const compiled = combinations.map((combination, index) =>
    compileWorkflow(source, combination, matrix.length === 0 ? 0 : index + 1, occasion),
  );
  return {
    workflows: compiled.flatMap(({ workflow }) => (workflow === null ? [] : [workflow])),
    faults: compiled.flatMap(({ faults }) => faults),
  };
}

function compileWorkflow(
  {
    name,
    path,
    file,
  }: { readonly name: string; readonly path: string; readonly file: PipelineFile },
  matrix: Combination,
  instance: number,
  occasion: Occasion,
): { readonly workflow: PlanWorkflow | null; readonly faults: readonly Fault[] } {
  const labels = Object.fromEntries(
    Object.entries(file.labels).map(([key, text]) => [key, substituteKnown(text, matrix)]),
  );
  const facts = { occasion, matrix, platform: labels['platform'] ?? defaultPlatform };
  const held = holding(file.when, facts);
  const running = file.steps.flatMap((step, index): Running[] => {
    const conditions = holding(step.when, facts);
    return conditions.length === 0 ? [] : [{ step, index, runsOn: statusesOf(conditions) }];
  });
  if (held.length === 0 || running.length === 0) return { workflow: null, faults: [] };
  const naming = createNaming();
  const services = file.services
    .filter((service) => holding(service.when, facts).length > 0)
    .map(({ name: own, image, environment, ports, entrypoint, commands, failure }) => ({
      ...{ name: naming(own, 'service'), image: substituteKnown(image, matrix), environment },
      ...{ ports, entrypoint, commands, failure },
    }));
  const names = running.map(({ step, index }) => {
    const fallback = `step-${index + 1}`;
    return naming(substituteKnown(step.name ?? fallback, matrix), fallback);
  });
  const order = file.steps.some(({ dependsOn }) => dependsOn !== null)
    ? byDependencies(running, names)
    : bySequence(running, names);
  const workflow: PlanWorkflow = {
    name,
    instance,
    file: path,
    matrix: { ...matrix },
    labels,
    dependsOn: file.dependsOn.map((dependency) => ({
      name: plainName(dependency.name) ?? dependency.name,
      optional: dependency.optional,
    })),
    runsOn: file.runsOn === null ? statusesOf(held) : [...file.runsOn],
    clone: cloneOf(file, facts),
    path: file.path,
    concurrency: file.concurrency,
    steps: running.map((one, index) => ({
      ...planStep(one, names[index] ?? '', order.before[index] ?? []),
      image: substituteKnown(one.step.image, matrix),
    })),
    services,
  };
  return { workflow, faults: order.faults };
}

interface Running {
  readonly step: PipelineStep;
  readonly index: number;
  readonly runsOn: PlanStep['runsOn'];
}

interface Order {
  /** Of each step the names of those before it. */
  readonly before: readonly (readonly string[])[];
  readonly faults: readonly Fault[];
}

/** One after the other; neighbours of one group side by side. */
function bySequence(running: readonly Running[], names: readonly string[]): Order {
  const before: string[][] = [];
  let previous: string[] = [];
  let current: string[] = [];
  running.forEach(({ step }, index) => {
    const group = running[index - 1]?.step.group ?? null;
    if (step.group === null || step.group !== group) [previous, current] = [current, []];
    before.push(previous);
    current.push(names[index] ?? '');
  });
  return { before, faults: [] };
}

function byDependencies(running: readonly Running[], names: readonly string[]): Order {
  const known = new Map(running.map(({ step }, index) => [step.name, names[index] ?? '']));
  const faults: Fault[] = [];
  const before = running.map(({ step }) =>
    (step.dependsOn ?? []).flatMap(({ name, optional, place }) => {
      const found = known.get(name);
      if (found !== undefined) return [found];
      if (!optional) {
        faults.push({
          ...place,
          path: 'steps',
          message: `${step.name ?? 'this step'} waits for ${name}, whose \`when\` leaves it out here; give both the same \`when\`, or write { name: ${name}, optional: true }`,
        });
      }
      return [];
    }),
  );
  return { before: before.map((list) => [...new Set(list)]), faults };
}

function planStep({ step, runsOn }: Running, name: string, before: readonly string[]): PlanStep {
  const { image, kind, commands, entrypoint, environment, directory, failure, detach, limits } =
    step;
  return {
    ...{ name, image, kind, commands: [...commands], entrypoint, environment: { ...environment } },
    ...{ directory, dependsOn: [...before], runsOn: [...runsOn], failure, detach, limits },
    ...(step.reports.length === 0 ? {} : { reports: [...step.reports] }),
    ...(step.caches.length === 0 ? {} : { caches: [...step.caches] }),
    ...(step.outputs === null ? {} : { outputs: step.outputs }),
  };
}

function cloneOf({ clone }: PipelineFile, facts: ConditionFacts): PlanWorkflow['clone'] {
  if (clone === null || holding(clone.when, facts).length === 0) return null;
  const { depth, recursive, lfs, partial } = clone;
  return { depth, recursive, lfs, partial, tags: clone.tags ?? facts.occasion.event === 'tag' };
}
