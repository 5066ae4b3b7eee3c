/** Reads one entry of `steps`. */
import type { PlanCache, PlanStep } from '@airlock/common/wire/run-plan';
import type { Condition } from './condition.ts';
import {
  commonKeys,
  readCommands,
  readDirectory,
  readEntrypoint,
  readImage,
  type ContainerEntry,
} from './container.ts';
import { readDependsOn, type Dependency } from './dependencies.ts';
import { warnOfEchoes } from './echoed-secrets.ts';
import { readBackendOptions, type BackendOptions } from './limits.ts';
import type { Reports } from './report-globs.ts';
import {
  readEnvironment,
  readOldSecrets,
  readSettings,
  type Environment,
} from './variable-values.ts';
import { readWhen } from './when.ts';
import { readFlag, readMap, readText, readWord, type Keys } from './yaml-fields.ts';
import { join, type FaultList, type Place, type YamlEntry } from './yaml-file.ts';

/** As the file has it: names free, dependencies by these names, nothing put in. */
export interface PipelineStep extends Pick<
  PlanStep,
  | 'image'
  | 'kind'
  | 'commands'
  | 'entrypoint'
  | 'environment'
  | 'directory'
  | 'failure'
  | 'detach'
  | 'limits'
> {
  /** Null: by its position. */
  readonly name: string | null;
  /** Null where the file says nothing about it. */
  readonly dependsOn: readonly Dependency[] | null;
  /** Of older files: neighbours of one group run side by side. */
  readonly group: string | null;
  readonly when: readonly Condition[];
  readonly reports: Reports;
  readonly caches: readonly PlanCache[];
  readonly outputs: string | null;
  readonly place: Place;
}

export function readStep(from: ContainerEntry, faults: FaultList): PipelineStep {
  const read = {
    name: from.name,
    image: null as string | null,
    commands: [] as string[],
    entrypoint: null as string[] | null,
    environment: {} as Environment,
    secrets: {} as Environment,
    settings: {} as Environment,
    directory: null as string | null,
    when: [] as readonly Condition[],
    dependsOn: null as Dependency[] | null,
    group: null as string | null,
    failure: 'fail' as PlanStep['failure'],
    detach: false,
    options: { limits: null, reports: [], caches: [], outputs: null } as BackendOptions,
  };
  const before = faults.faults.length;
  const keys: Keys = {
    name: ({ value }, path) => {
      read.name = readText(value, path, faults) ?? read.name;
    },
    image: ({ value }, path) => {
      read.image = readImage(value, path, faults);
    },
    commands: ({ value }, path) => {
      read.commands = readCommands(value, path, faults);
    },
    entrypoint: ({ value }, path) => {
      read.entrypoint = readEntrypoint(value, path, faults);
    },
    environment: ({ value }, path) => {
      read.environment = readEnvironment(value, path, faults);
    },
    settings: ({ value }, path) => {
      read.settings = readSettings(value, path, faults);
    },
    secrets: ({ value }, path) => {
      read.secrets = readOldSecrets(value, path, faults);
    },
    directory: ({ value }, path) => {
      read.directory = readDirectory(value, path, faults);
    },
    when: ({ value }, path) => {
      read.when = readWhen(value, path, faults, 'step');
    },
    depends_on: ({ value }, path) => {
      read.dependsOn = readDependsOn(value, path, faults);
    },
    group: (entry, path) => {
      read.group = readText(entry.value, path, faults);
      faults.warn(entry.keyAt, path, '`group` is of older files; write `depends_on`');
    },
    failure: ({ value }, path) => {
      read.failure = readWord(value, path, faults, ['fail', 'ignore', 'cancel']) ?? 'fail';
    },
    detach: ({ value }, path) => {
      read.detach = readFlag(value, path, faults) ?? false;
    },
    backend_options: ({ value }, path) => {
      read.options = readBackendOptions(value, path, faults);
    },
    ports: 'only services have ports; write it among the `services`, or use `detach`',
    ...commonKeys(faults),
  };
  readMap(from.value, from.path, faults, keys);
  const plugin =
    read.commands.length === 0 &&
    (read.entrypoint ?? []).length === 0 &&
    Object.keys(read.environment).length === 0;
  // Whoever uses a refused key is told about that, and not also about what it would have replaced.
  if (faults.faults.length === before) check(from, read, faults);
  const { image, entrypoint, settings, environment, secrets } = read;
  const commands = entryOf(from, 'commands');
  if (commands !== undefined) {
    const given = { ...environment, ...secrets };
    warnOfEchoes(commands.value, join(from.path, 'commands'), given, faults);
  }
  return {
    name: read.name,
    image: image ?? '',
    kind: plugin ? 'plugin' : 'commands',
    commands: read.commands,
    entrypoint: entrypoint === null || entrypoint.length === 0 ? null : entrypoint,
    environment: { ...settings, ...environment, ...secrets },
    directory: read.directory,
    dependsOn: read.dependsOn,
    group: read.group,
    when: read.when,
    failure: read.failure,
    detach: read.detach,
    ...read.options,
    place: faults.place(from.at),
  };
}

function check(
  from: ContainerEntry,
  read: {
    readonly image: string | null;
    readonly commands: readonly string[];
    readonly entrypoint: readonly string[] | null;
    readonly environment: Environment;
    readonly settings: Environment;
    readonly detach: boolean;
    readonly options: BackendOptions;
  },
  faults: FaultList,
): void {
  if (read.detach && read.options.outputs !== null) {
    const why = 'a step with `detach` is not waited for, so that its `outputs` reach nobody';
    faults.add(from.at, from.path, why);
  }
  if (read.image === null) faults.add(from.at, from.path, 'the step has no `image`');
  if (Object.keys(read.settings).length === 0) return;
  const settings = entryOf(from, 'settings');
  const at = settings?.keyAt ?? from.at;
  if (read.commands.length > 0 || read.entrypoint !== null) {
    faults.add(
      at,
      from.path,
      'a step has `settings` for a plugin, or `commands` or an `entrypoint` of its own, not both',
    );
  } else if (Object.keys(read.environment).length > 0) {
    faults.warn(
      at,
      from.path,
      '`environment` beside `settings` makes it no plugin: secrets kept for plugins are not given to it',
    );
  }
}

function entryOf({ value }: ContainerEntry, name: string): YamlEntry | undefined {
  return value.kind === 'map' ? value.entries.find(({ key }) => key === name) : undefined;
}
