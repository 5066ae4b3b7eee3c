/**
 * A pipeline file: a strict subset of Woodpecker's format.
 *
 * A key that is not understood is refused by name with file, line and column. It is never ignored: a pipeline that
 * behaves otherwise than it reads is worse than one that does not start.
 */
import type { PlanWorkflow } from '@airlock/common/wire/run-plan';
import { plainClone, readClone, type Clone } from './clone.ts';
import type { Condition, Patterns, Status } from './condition.ts';
import { containerEntries, readDirectory } from './container.ts';
import { findCycle, readDependsOn, type Dependency } from './dependencies.ts';
import { readMatrix, type Combination } from './matrix.ts';
import { plainName } from './names.ts';
import { readService, type PipelineService } from './service.ts';
import { readStep, type PipelineStep } from './step.ts';
import { readWhen } from './when.ts';
import { readFlag, readMap, readText, readTextMap, readTexts, readWhole } from './yaml-fields.ts';
import { join, readYamlFile, type Fault, type FaultList, type YamlValue } from './yaml-file.ts';

const maxSteps = 128;
const maxServices = 32;

/** One workflow as its file has it. */
export interface PipelineFile {
  readonly when: readonly Condition[];
  readonly steps: readonly PipelineStep[];
  readonly services: readonly PipelineService[];
  /** Empty: it runs once, without a matrix. */
  readonly matrix: readonly Combination[];
  readonly labels: Readonly<Record<string, string>>;
  readonly dependsOn: readonly Dependency[];
  /** Null: as its conditions' `status` says. */
  readonly runsOn: readonly Status[] | null;
  /** Null: no source in the workspace. */
  readonly clone: Clone | null;
  readonly path: string | null;
  readonly concurrency: PlanWorkflow['concurrency'];
}

export type Parsed<T> = {
  /** What is followed, but should be known to whoever wrote it. */
  readonly warnings: readonly Fault[];
} & (
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly Fault[] }
);

export function parsePipelineFile(text: string): Parsed<PipelineFile> {
  const { root, faults } = readYamlFile(text);
  const value = root === null ? null : readWorkflow(root, faults);
  const { warnings } = faults;
  if (value === null || faults.faults.length > 0)
    return { ok: false, faults: faults.faults, warnings };
  return { ok: true, value, warnings };
}

function readWorkflow(root: YamlValue, faults: FaultList): PipelineFile | null {
  const read: { -readonly [K in keyof PipelineFile]: PipelineFile[K] } = {
    ...{ when: [], steps: [], services: [], matrix: [], labels: {}, dependsOn: [], runsOn: null },
    ...{ clone: plainClone, path: null, concurrency: null },
  };
  const old: { branches: Patterns | null } = { branches: null };
  const seen = { skipClone: false, steps: false };
  const readSteps = (value: YamlValue, path: string): void => {
    if (seen.steps) faults.add(value.at, path, '`steps` and `pipeline` are the same; keep `steps`');
    seen.steps = true;
    read.steps = containerEntries(value, path, faults, maxSteps).map((one) =>
      readStep(one, faults),
    );
    if (value.kind !== 'scalar' && read.steps.length === 0) {
      faults.add(value.at, path, 'at least one step is needed');
    }
  };
  readMap(root, '', faults, {
    when: ({ value }, path) => {
      read.when = readWhen(value, path, faults, 'workflow');
    },
    steps: ({ value }, path) => {
      readSteps(value, path);
    },
    pipeline: ({ value, keyAt }, path) => {
      faults.warn(keyAt, path, '`pipeline` is of older files; write `steps`');
      readSteps(value, path);
    },
    services: ({ value }, path) => {
      read.services = containerEntries(value, path, faults, maxServices).map((one) =>
        readService(one, faults),
      );
    },
    matrix: ({ value }, path) => {
      read.matrix = readMatrix(value, path, faults);
    },
    labels: ({ value }, path) => {
      read.labels = { ...read.labels, ...readLabels(value, path, faults) };
    },
    platform: ({ value, keyAt }, path) => {
      faults.warn(keyAt, path, '`platform` is of older files; write `labels: { platform: … }`');
      read.labels = { ...read.labels, platform: readText(value, path, faults) ?? '' };
    },
    depends_on: ({ value }, path) => {
      read.dependsOn = readDependsOn(value, path, faults);
    },
    runs_on: ({ value, keyAt }, path) => {
      faults.warn(keyAt, path, '`runs_on` is of older files; write `when: { status: … }`');
      read.runsOn = readRunsOn(value, path, faults);
    },
    branches: ({ value, keyAt }, path) => {
      faults.warn(keyAt, path, '`branches` is of older files; write `when: { branch: … }`');
      old.branches = readBranches(value, path, faults);
    },
    clone: ({ value }, path) => {
      read.clone = readClone(value, path, faults);
    },
    skip_clone: ({ value }, path) => {
      seen.skipClone = readFlag(value, path, faults) ?? false;
    },
    workspace: ({ value }, path) => {
      read.path = readWorkspace(value, path, faults);
    },
    concurrency: ({ value }, path) => {
      read.concurrency = readConcurrency(value, path, faults);
    },
    // A place to put anchors; its content means nothing by itself.
    variables: () => undefined,
    $schema: ({ value }, path) => {
      readText(value, path, faults);
    },
    version: ({ keyAt }, path) => {
      faults.warn(
        keyAt,
        path,
        '`version` means nothing to Woodpecker and nothing here; leave it out',
      );
    },
    cache: 'keep files between steps in the workspace',
    volumes: 'nothing of the host is mounted here',
    kind: 'this is how Drone’s files begin; a workflow here has `steps` and no `kind`',
    type: 'this is how Drone’s files begin; a workflow here has `steps` and no `type`',
  });
  if (!seen.steps && faults.faults.length === 0) {
    faults.add(root.at, '', 'no `steps`: add at least one step with `image` and `commands`');
  }
  if (old.branches !== null) read.when = withBranches(read.when, old.branches);
  if (seen.skipClone) read.clone = null;
  if (faults.faults.length > 0) return null;
  checkNames(read, faults);
  return read;
}

/** Steps by name, when one of them names others; services by name always. */
function checkNames({ steps, services }: PipelineFile, faults: FaultList): void {
  const serviceNames = services.map(({ name }) => name);
  for (const [index, name] of serviceNames.entries()) {
    if (serviceNames.indexOf(name) < index)
      faults.add(0, 'services', `two services are named ${name}`);
  }
  const tell = (step: PipelineStep, message: string): void => {
    faults.addAt(step.place, 'steps', message);
  };
  for (const step of steps) {
    if (step.name === null || plainName(step.name) === step.name || step.name.includes('${'))
      continue;
    faults.warnAt(
      step.place,
      'steps',
      `\`${step.name}\` is shown as ${plainName(step.name) ?? 'its number'}`,
    );
  }
  if (steps.every(({ dependsOn }) => dependsOn === null)) return;
  const names = new Map<string, readonly string[]>();
  for (const step of steps) {
    if (step.group !== null) tell(step, 'a file has `group` or `depends_on`, not both');
    if (step.name === null) continue;
    if (names.has(step.name))
      tell(step, `two steps are named ${step.name}; \`depends_on\` needs names apart`);
    names.set(
      step.name,
      (step.dependsOn ?? []).map(({ name }) => name),
    );
  }
  for (const dependency of steps.flatMap(({ dependsOn }) => dependsOn ?? [])) {
    if (names.has(dependency.name) || dependency.optional) continue;
    const known = [...names.keys()].slice(0, 20).join(', ');
    faults.addAt(
      dependency.place,
      'steps',
      `no step is named ${dependency.name}; there are ${known}`,
    );
  }
  const cycle = findCycle(names);
  const first = steps.find(({ name }) => name === cycle?.[0]);
  if (cycle !== null && first !== undefined) {
    tell(first, `these steps wait for each other: ${cycle.join(' → ')}`);
  }
}

function withBranches(when: readonly Condition[], branch: Patterns): readonly Condition[] {
  const nothing: Condition = {
    ...{ events: null, branch: null, ref: null, repo: null, platform: null, instance: null },
    ...{ cron: null, path: null, matrix: null, evaluate: null, status: [] },
  };
  return (when.length === 0 ? [nothing] : when).map((condition) => ({
    ...condition,
    branch: condition.branch ?? branch,
  }));
}

function readBranches(value: YamlValue, path: string, faults: FaultList): Patterns {
  const [condition] = readWhen(
    { kind: 'map', at: value.at, entries: [{ key: 'branch', keyAt: value.at, value }] },
    path,
    faults,
    'workflow',
  );
  return condition?.branch ?? { include: [], exclude: [] };
}

const maxLabels = 32;

function readLabels(value: YamlValue, path: string, faults: FaultList): Record<string, string> {
  const labels = readTextMap(value, path, faults);
  const entries = Object.entries(labels);
  if (entries.length > maxLabels) faults.add(value.at, path, `at most ${maxLabels} labels`);
  for (const [key, text] of entries) {
    if (key.length > 63 || text.length > 255) {
      faults.add(value.at, join(path, key), 'a label has at most 63 characters, its value 255');
    }
  }
  // Woodpecker: a label without a value asks for nothing.
  return Object.fromEntries(entries.filter(([, text]) => text !== ''));
}

function readRunsOn(value: YamlValue, path: string, faults: FaultList): Status[] | null {
  const statuses = readTexts(value, path, faults).flatMap((text): Status[] => {
    if (text === 'success' || text === 'failure') return [text];
    faults.add(value.at, path, `no such status: ${text}; known: success, failure`);
    return [];
  });
  return statuses.length === 0 ? null : [...new Set(statuses)];
}

function readWorkspace(value: YamlValue, path: string, faults: FaultList): string | null {
  let directory: string | null = null;
  readMap(value, path, faults, {
    base: ({ keyAt, value: base }, at) => {
      readText(base, at, faults);
      faults.warn(
        keyAt,
        at,
        '`base` changes nothing: where the workspace lies is in $CI_WORKSPACE',
      );
    },
    path: (entry, at) => {
      directory = readDirectory(entry.value, at, faults);
    },
  });
  return directory;
}

function readConcurrency(
  value: YamlValue,
  path: string,
  faults: FaultList,
): PipelineFile['concurrency'] {
  const range = { least: 1, most: 1000 };
  if (value.kind !== 'map') {
    const limit = readWhole(value, path, faults, range);
    return limit === null ? null : { limit, group: null };
  }
  const read: { limit: number | null; group: string | null } = { limit: null, group: null };
  readMap(value, path, faults, {
    limit: (entry, at) => {
      read.limit = readWhole(entry.value, at, faults, range);
    },
    group: (entry, at) => {
      read.group = readText(entry.value, at, faults);
      if ((read.group ?? '').length > 255) faults.add(entry.value.at, at, 'at most 255 characters');
    },
  });
  if (read.limit === null) faults.add(value.at, path, 'the `limit` is missing');
  return { limit: read.limit ?? 1, group: read.group };
}
