/**
 * `.woodpecker.yaml`: a strict subset of Woodpecker's format.
 *
 * A key that is not understood is refused by name with file, line and column. It is never ignored: a pipeline that
 * behaves otherwise than it reads is worse than one that does not start.
 */
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import { Name } from '@airlock/common/wire/scalars';
import { matchesGlob } from './glob.ts';
import { readMap, readText, readTexts, type Keys } from './yaml-fields.ts';
import { join, readYamlFile, type Fault, type FaultList, type YamlValue } from './yaml-file.ts';

const maxSteps = 128;
const maxCommands = 256;
const maxCommandBytes = 16_384;
const maxImageLength = 255;

/** Every event of Woodpecker's; a run here is for one of the first three. */
const events = [
  'push',
  'pull_request',
  'manual',
  'pull_request_closed',
  'pull_request_metadata',
  'tag',
  'release',
  'deployment',
  'cron',
];

export interface Condition {
  /** Null: any event. */
  readonly events: readonly string[] | null;
  /** Null: any branch. For a pull request the branch is the one it wants to be merged into. */
  readonly branches: {
    readonly include: readonly string[];
    readonly exclude: readonly string[];
  } | null;
}

export interface PipelineStep {
  readonly name: string;
  readonly image: string;
  readonly commands: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Any of these; empty means always. */
  readonly when: readonly Condition[];
}

export interface PipelineFile {
  readonly when: readonly Condition[];
  readonly steps: readonly PipelineStep[];
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly Fault[] };

export interface Occasion {
  readonly event: RunEvent;
  readonly branch: string;
}

/** True when one of the conditions holds; no condition at all holds always. */
export function conditionsHold(conditions: readonly Condition[], occasion: Occasion): boolean {
  if (conditions.length === 0) return true;
  return conditions.some(({ events: wanted, branches }) => {
    if (wanted !== null && !wanted.includes(occasion.event)) return false;
    if (branches === null) return true;
    const matches = (pattern: string): boolean => matchesGlob(pattern, occasion.branch);
    const included = branches.include.length === 0 || branches.include.some(matches);
    return included && !branches.exclude.some(matches);
  });
}

export function parsePipelineFile(text: string): Parsed<PipelineFile> {
  const { root, faults } = readYamlFile(text);
  if (root === null) return { ok: false, faults: faults.faults };
  const read: { when: readonly Condition[]; steps: readonly PipelineStep[] | null } = {
    when: [],
    steps: null,
  };
  readMap(root, '', faults, {
    when: ({ value }, path) => {
      read.when = readWhen(value, path, faults);
    },
    steps: ({ value }, path) => {
      read.steps = readSteps(value, path, faults);
    },
    // A place to put anchors; its content means nothing by itself.
    variables: () => undefined,
    ...refusedWorkflowKeys,
  });
  const { when, steps } = read;
  if (steps === null) {
    if (faults.faults.length === 0) {
      faults.add(root.at, '', 'no `steps`: add at least one step with `image` and `commands`');
    }
    return { ok: false, faults: faults.faults };
  }
  return faults.faults.length > 0
    ? { ok: false, faults: faults.faults }
    : { ok: true, value: { when, steps } };
}

const refusedWorkflowKeys: Keys = {
  services: 'this pool has no service containers; start what a test needs within its step',
  matrix: 'write one step for each combination',
  labels: 'the pool is chosen by the event, not by the file',
  depends_on: 'steps run in the order in which they are written',
  clone: 'the tree at the commit is in the working directory before the first step',
  skip_clone: 'the tree at the commit is in the working directory before the first step',
  workspace: 'the working directory is fixed; leave the key out',
  concurrency: 'runs of one repository may run side by side; leave the key out',
  runs_on: 'use `when` with `event`',
  pipeline: 'write `steps`',
  branches: 'write `when: { branch: … }`',
  platform: 'the pool is chosen by the event, not by the file',
  cache: 'there is no cache between runs',
};

const refusedStepKeys: Keys = {
  entrypoint: 'commands run with /bin/sh; put the program into `commands`',
  settings: 'plugins are not run here; write their work as `commands`',
  directory: 'write `cd` as the first of the `commands`',
  depends_on: 'steps run in the order in which they are written',
  failure: 'a failed step fails the run; write `|| true` behind a command that may fail',
  detach: 'start it with `&` within the step that needs it',
  pull: 'images are entries of the pool’s catalogue and are not pulled',
  backend_options: 'limits are set by the pool',
  privileged: 'no step runs with privileges here',
  volumes: 'a step sees its working directory only',
  devices: 'a step gets no devices',
  network_mode: 'a step has no network',
  dns: 'a step has no network',
  dns_search: 'a step has no network',
  extra_hosts: 'a step has no network',
  tmpfs: '/tmp is a file system of its own already',
  secrets: 'no secrets are given to builds here',
  group: 'steps run in the order in which they are written',
  ports: 'a step has no network',
};

const refusedConditionKeys: Keys = {
  ref: 'use `branch`',
  repo: 'a file belongs to one repository; leave the key out',
  path: 'every push runs every step; leave the key out',
  status: 'a step runs when every step before it passed; leave the key out',
  cron: 'there are no timed runs; use `event`',
  platform: 'the pool is chosen by the event, not by the file',
  matrix: 'there is no matrix; leave the key out',
  instance: 'leave the key out',
  evaluate: 'use `event` and `branch`',
  environment: 'leave the key out',
};

function readSteps(value: YamlValue, path: string, faults: FaultList): PipelineStep[] {
  const found: { name: string | null; at: number; path: string; value: YamlValue }[] = [];
  if (value.kind === 'map') {
    for (const { key, keyAt, value: step } of value.entries) {
      found.push({ name: key, at: keyAt, path: join(path, key), value: step });
    }
  } else if (value.kind === 'list') {
    value.items.forEach((step, index) => {
      found.push({ name: null, at: step.at, path: join(path, String(index)), value: step });
    });
  } else {
    faults.add(value.at, path, 'expected a list of steps, or steps by name');
    return [];
  }
  if (found.length === 0) faults.add(value.at, path, 'at least one step is needed');
  if (found.length > maxSteps) faults.add(value.at, path, `at most ${maxSteps} steps`);
  const names = new Set<string>();
  return found.map((step, index) => {
    const read = readStep(step, index, faults);
    if (names.has(read.name)) faults.add(step.at, step.path, `two steps are named ${read.name}`);
    names.add(read.name);
    return read;
  });
}

function readStep(
  from: { name: string | null; at: number; path: string; value: YamlValue },
  index: number,
  faults: FaultList,
): PipelineStep {
  const read: {
    name: string | null;
    nameAt: number;
    image: string | null;
    commands: string[] | null;
    environment: Record<string, string>;
    when: readonly Condition[];
  } = {
    name: from.name,
    nameAt: from.at,
    image: null,
    commands: null,
    environment: {},
    when: [],
  };
  const before = faults.faults.length;
  readMap(from.value, from.path, faults, {
    name: ({ value }, path) => {
      read.name = readText(value, path, faults) ?? read.name;
      read.nameAt = value.at;
    },
    image: ({ value }, path) => {
      read.image = readText(value, path, faults);
      if ((read.image?.length ?? 0) > maxImageLength) {
        faults.add(value.at, path, `an image’s name has at most ${maxImageLength} characters`);
      }
    },
    commands: ({ value }, path) => {
      const commands = readTexts(value, path, faults);
      read.commands = commands;
      if (commands.length > maxCommands) {
        faults.add(value.at, path, `at most ${maxCommands} commands`);
      }
      if (commands.some((command) => Buffer.byteLength(command) > maxCommandBytes)) {
        faults.add(value.at, path, `a command has at most ${maxCommandBytes} bytes`);
      }
    },
    environment: ({ value }, path) => {
      read.environment = readEnvironment(value, path, faults);
    },
    when: ({ value }, path) => {
      read.when = readWhen(value, path, faults);
    },
    ...refusedStepKeys,
  });
  const { image, commands, environment, when } = read;
  const stepName = read.name ?? `step-${index + 1}`;
  if (!Name.safeParse(stepName).success) {
    faults.add(
      read.nameAt,
      from.path,
      'a step’s name has 1 to 63 letters, digits, `.`, `_` or `-`',
    );
  }
  // Whoever uses a refused key is told about that, and not also about what it would have replaced.
  if (faults.faults.length === before) {
    if (image === null) faults.add(from.at, from.path, 'the step has no `image`');
    if (commands === null) faults.add(from.at, from.path, 'the step has no `commands`');
  }
  return { name: stepName, image: image ?? '', commands: commands ?? [], environment, when };
}

function readEnvironment(
  value: YamlValue,
  path: string,
  faults: FaultList,
): Record<string, string> {
  const environment: Record<string, string> = {};
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected `NAME: value` lines');
    return environment;
  }
  for (const entry of value.entries) {
    const here = join(path, entry.key);
    // Assigned to an object, __proto__ would vanish without a word.
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(entry.key) || entry.key === '__proto__') {
      faults.add(entry.keyAt, here, 'a variable’s name has letters, digits and `_` only');
    } else if (entry.value.kind === 'map') {
      const secret = entry.value.entries.some((inner) => inner.key === 'from_secret');
      const hint = secret
        ? '`from_secret` is refused: no secrets are given to builds here'
        : 'expected text, a number, true or false';
      faults.add(entry.value.at, here, hint);
    } else environment[entry.key] = readText(entry.value, here, faults) ?? '';
  }
  return environment;
}

function readWhen(value: YamlValue, path: string, faults: FaultList): Condition[] {
  const items = value.kind === 'list' ? value.items : [value];
  return items.map((item, index) => {
    const read: { events: readonly string[] | null; branches: Condition['branches'] } = {
      events: null,
      branches: null,
    };
    const here = value.kind === 'list' ? join(path, String(index)) : path;
    readMap(item, here, faults, {
      event: (entry, at) => {
        const wanted = readTexts(entry.value, at, faults);
        read.events = wanted;
        for (const event of wanted) {
          if (!events.includes(event)) {
            faults.add(entry.value.at, at, `no such event: ${event}; known: ${events.join(', ')}`);
          }
        }
      },
      branch: (entry, at) => {
        read.branches = readBranches(entry.value, at, faults);
      },
      ...refusedConditionKeys,
    });
    return read;
  });
}

function readBranches(value: YamlValue, path: string, faults: FaultList): Condition['branches'] {
  if (value.kind !== 'map') return { include: readTexts(value, path, faults), exclude: [] };
  const read: { include: string[]; exclude: string[] } = { include: [], exclude: [] };
  readMap(value, path, faults, {
    include: (entry, at) => {
      read.include = readTexts(entry.value, at, faults);
    },
    exclude: (entry, at) => {
      read.exclude = readTexts(entry.value, at, faults);
    },
  });
  return read;
}
