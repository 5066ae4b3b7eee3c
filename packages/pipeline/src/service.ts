/** Reads one entry of `services`. */
import type { PlanService } from '@airlock/common/wire/run-plan';
import type { Condition } from './condition.ts';
import {
  commonKeys,
  readCommands,
  readEntrypoint,
  readImage,
  type ContainerEntry,
} from './container.ts';
import { plainName } from './names.ts';
import {
  readEnvironment,
  readOldSecrets,
  readSettings,
  type Environment,
} from './variable-values.ts';
import { readWhen } from './when.ts';
import { readMap, readText, readWhole, readWord } from './yaml-fields.ts';
import { join, type FaultList, type YamlValue } from './yaml-file.ts';

export interface PipelineService extends PlanService {
  readonly when: readonly Condition[];
}

const maxPorts = 64;

export function readService(from: ContainerEntry, faults: FaultList): PipelineService {
  const read = {
    name: from.name,
    image: null as string | null,
    environment: {} as Environment,
    ports: [] as number[],
    entrypoint: null as string[] | null,
    commands: [] as string[],
    failure: 'fail' as PlanService['failure'],
    when: [] as readonly Condition[],
  };
  const before = faults.faults.length;
  const more = (environment: Environment): void => {
    read.environment = { ...read.environment, ...environment };
  };
  readMap(from.value, from.path, faults, {
    name: ({ value }, path) => {
      read.name = readText(value, path, faults) ?? read.name;
    },
    image: ({ value }, path) => {
      read.image = readImage(value, path, faults);
    },
    environment: ({ value }, path) => {
      more(readEnvironment(value, path, faults));
    },
    settings: ({ value }, path) => {
      more(readSettings(value, path, faults));
    },
    secrets: ({ value }, path) => {
      more(readOldSecrets(value, path, faults));
    },
    ports: ({ value }, path) => {
      read.ports = readPorts(value, path, faults);
    },
    entrypoint: ({ value }, path) => {
      read.entrypoint = readEntrypoint(value, path, faults);
    },
    commands: ({ value }, path) => {
      read.commands = readCommands(value, path, faults);
    },
    failure: ({ value }, path) => {
      read.failure = readWord(value, path, faults, ['fail', 'ignore']) ?? 'fail';
    },
    when: ({ value }, path) => {
      read.when = readWhen(value, path, faults, 'step');
    },
    directory: 'a service starts where its image says; write `cd` as the first of its `commands`',
    depends_on: 'services start before the first step',
    detach: 'services run beside the steps anyway',
    backend_options: 'limits of services are set by the pool',
    ...commonKeys(faults),
  });
  const { name, image, ...rest } = read;
  if (faults.faults.length === before) {
    if (image === null) faults.add(from.at, from.path, 'the service has no `image`');
    if (name === null)
      faults.add(from.at, from.path, 'the service has no `name`, by which steps reach it');
    else if (plainName(name) !== name) {
      faults.add(
        from.at,
        from.path,
        'a service’s name is an address: letters, digits, `.`, `_` and `-`',
      );
    }
  }
  return { name: name ?? '', image: image ?? '', ...rest };
}

/** `5432` or `"53/udp"`; the protocol says nothing to a network that is the workflow's own. */
function readPorts(value: YamlValue, path: string, faults: FaultList): number[] {
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length > maxPorts) faults.add(value.at, path, `at most ${maxPorts} ports`);
  return items.slice(0, maxPorts).flatMap((item, index) => {
    const here = join(path, String(index));
    const bare =
      item.kind === 'scalar' && typeof item.value === 'string'
        ? { ...item, value: item.value.replace(/\/(tcp|udp)$/, '') }
        : item;
    const port = readWhole(bare, here, faults, { least: 1, most: 65_535 });
    return port === null ? [] : [port];
  });
}
