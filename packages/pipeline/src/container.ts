/** What a step and a service have in common: an image and what is run in it. */
import { readFlag, readText, readTexts, type Keys } from './yaml-fields.ts';
import { join, type FaultList, type YamlEntry, type YamlValue } from './yaml-file.ts';

const maxImageLength = 255;
const maxCommands = 256;
const maxCommandBytes = 16_384;
const maxArguments = 64;

/** One entry of `steps` or `services`: a list has names inside, a map has them outside. */
export interface ContainerEntry {
  readonly name: string | null;
  readonly at: number;
  readonly path: string;
  readonly value: YamlValue;
}

export function containerEntries(
  value: YamlValue,
  path: string,
  faults: FaultList,
  most: number,
): ContainerEntry[] {
  const found =
    value.kind === 'map'
      ? value.entries.map(({ key, keyAt, value: one }) => ({
          name: key,
          at: keyAt,
          path: join(path, key),
          value: one,
        }))
      : value.kind === 'list'
        ? value.items.map((one, index) => ({
            name: null,
            at: one.at,
            path: join(path, String(index)),
            value: one,
          }))
        : [];
  if (value.kind === 'scalar') faults.add(value.at, path, 'expected a list, or entries by name');
  if (found.length > most) faults.add(value.at, path, `at most ${most} stand here`);
  return found.slice(0, most);
}

export function readImage(value: YamlValue, path: string, faults: FaultList): string | null {
  const image = readText(value, path, faults);
  if (image === null) return null;
  if (image.length > maxImageLength) {
    faults.add(value.at, path, `an image’s name has at most ${maxImageLength} characters`);
  } else if (image === '' || /\s/.test(image.replaceAll(/\$\{[^}]*\}/g, ''))) {
    faults.add(value.at, path, 'expected an image such as node:24');
  }
  return image;
}

export function readCommands(value: YamlValue, path: string, faults: FaultList): string[] {
  const commands = readTexts(value, path, faults);
  if (commands.length > maxCommands) faults.add(value.at, path, `at most ${maxCommands} commands`);
  if (commands.some((command) => Buffer.byteLength(command) > maxCommandBytes)) {
    faults.add(value.at, path, `a command has at most ${maxCommandBytes} bytes`);
  }
  return commands;
}

export function readEntrypoint(value: YamlValue, path: string, faults: FaultList): string[] {
  const words = readTexts(value, path, faults);
  if (words.length > maxArguments) faults.add(value.at, path, `at most ${maxArguments} words`);
  if (words.some((word) => Buffer.byteLength(word) > maxCommandBytes)) {
    faults.add(value.at, path, `a word has at most ${maxCommandBytes} bytes`);
  }
  return words;
}

/** A directory under the workspace; `.` is the workspace itself. */
export function readDirectory(value: YamlValue, path: string, faults: FaultList): string | null {
  const text = readText(value, path, faults);
  if (text === null) return null;
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (text.startsWith('/') || parts.includes('..') || text.length > 255) {
    faults.add(value.at, path, 'expected a directory inside the workspace, such as packages/web');
  }
  return parts.length === 0 ? null : parts.join('/');
}

/** Keys with which a container would leave its sandbox, or which mean nothing without a daemon. */
export function commonKeys(faults: FaultList): Keys {
  return {
    pull: ({ value, keyAt }: YamlEntry, path: string) => {
      readFlag(value, path, faults);
      faults.warn(keyAt, path, '`pull` changes nothing: images are the pool’s, fixed by digest');
    },
    privileged: ({ value, keyAt }: YamlEntry, path: string) => {
      if (readFlag(value, path, faults) !== true) return;
      faults.add(keyAt, path, '`privileged` is refused: nothing runs with privileges here');
    },
    volumes: volumesHint,
    devices: 'no devices are given; ask for a pool that has what the step needs',
    network_mode: 'a workflow has a network of its own, and the pool says what it reaches',
    networks: 'a workflow has a network of its own; services are reached by their names',
    dns: 'names are resolved by the pool’s proxy',
    dns_search: 'names are resolved by the pool’s proxy',
    extra_hosts: 'names are resolved by the pool’s proxy; services are reached by their names',
    tmpfs: '/tmp is a file system of its own already',
    cap_add: 'nothing runs with privileges here',
    shm_size: 'limits are set by the pool',
    isolation: 'isolation is set by the pool',
  };
}

const volumesHint =
  'nothing of the host is mounted, its container daemon least of all; keep files between steps in the workspace and between runs in `backend_options.airlock.cache`, build images without a daemon (buildah, kaniko)';
