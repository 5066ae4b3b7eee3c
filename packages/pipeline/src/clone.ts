/** `clone`: how the source comes into the workspace. The work itself is the runner's; no clone image is run. */
import type { PlanWorkflow } from '@airlock/common/wire/run-plan';
import type { Condition } from './condition.ts';
import { readBackendOptions } from './limits.ts';
import { readWhen } from './when.ts';
import { readFlag, readMap, readText, readWhole, type Keys } from './yaml-fields.ts';
import { join, type FaultList, type YamlEntry, type YamlValue } from './yaml-file.ts';

/** `tags` null: as the event wants it. */
export type Clone = Omit<NonNullable<PlanWorkflow['clone']>, 'tags'> & {
  readonly tags: boolean | null;
  readonly when: readonly Condition[];
};

export const plainClone: Clone = {
  depth: null,
  recursive: false,
  lfs: false,
  tags: null,
  partial: false,
  when: [],
};

export function readClone(value: YamlValue, path: string, faults: FaultList): Clone {
  const found = onlyStep(value, path);
  if (found === null) {
    faults.add(value.at, path, 'expected one entry, `git`');
    return plainClone;
  }
  let clone = plainClone;
  readMap(found.value, found.path, faults, {
    name: (entry, at) => {
      readText(entry.value, at, faults);
    },
    image: (entry, at) => {
      const image = readText(entry.value, at, faults);
      if (image === null || gitImage.test(image)) return;
      faults.add(entry.value.at, at, `only woodpeckerci/plugin-git clones here, not ${image}`);
    },
    settings: (entry, at) => {
      clone = { ...readCloneSettings(entry.value, at, faults), when: clone.when };
    },
    when: (entry, at) => {
      clone = { ...clone, when: readWhen(entry.value, at, faults, 'step') };
    },
    backend_options: (entry, at) => {
      readBackendOptions(entry.value, at, faults);
      faults.warn(entry.keyAt, at, 'changes nothing: no clone image is run');
    },
    pull: ({ keyAt }, at) => {
      faults.warn(keyAt, at, 'changes nothing: no clone image is run');
    },
    ...refused,
  });
  return clone;
}

const gitImage =
  /^(?:(?:index\.)?docker\.io\/)?(?:woodpeckerci\/plugin-git|plugins\/git)(?::[A-Za-z0-9._-]+)?$/;

const refused: Keys = {
  commands: 'the source is put into the workspace by the runner; do more in a step',
  environment: 'the source is put into the workspace by the runner; do more in a step',
  privileged: 'nothing runs with privileges here',
  volumes: 'nothing of the host is mounted here',
};

function onlyStep(value: YamlValue, path: string): { value: YamlValue; path: string } | null {
  if (value.kind === 'list') {
    const [item] = value.items;
    return item === undefined || value.items.length > 1
      ? null
      : { value: item, path: join(path, '0') };
  }
  const [entry] = value.kind === 'map' ? value.entries : [];
  if (entry === undefined || (value.kind === 'map' && value.entries.length > 1)) return null;
  return { value: entry.value, path: join(path, entry.key) };
}

/** What the plan carries and no runner does yet. */
const notDone: Readonly<Record<string, string>> = {
  recursive: 'submodules are not fetched: the runner has the commit alone; fetch them in a step',
  lfs: 'files of Git LFS stay pointers: the runner has the commit alone; fetch them in a step',
};

function readCloneSettings(value: YamlValue, path: string, faults: FaultList): Clone {
  const read: { -readonly [K in keyof Clone]: Clone[K] } = { ...plainClone };
  const flag =
    (key: 'recursive' | 'lfs' | 'tags' | 'partial') => (entry: YamlEntry, at: string) => {
      read[key] = readFlag(entry.value, at, faults) ?? plainClone[key] ?? false;
      const undone = read[key] ? notDone[key] : undefined;
      if (undone !== undefined) faults.warn(entry.keyAt, at, undone);
    };
  readMap(value, path, faults, {
    depth: (entry, at) => {
      const depth = readWhole(entry.value, at, faults, { least: 0, most: 1_000_000 });
      read.depth = depth === 0 ? null : depth;
    },
    recursive: flag('recursive'),
    lfs: flag('lfs'),
    tags: flag('tags'),
    partial: flag('partial'),
    ...Object.fromEntries(
      ['attempts', 'backoff', 'retries'].map((key) => [
        key,
        ({ keyAt }: YamlEntry, at: string) => {
          faults.warn(keyAt, at, 'changes nothing: the source is at hand and not fetched again');
        },
      ]),
    ),
    submodule_override: 'submodules come from where .gitmodules says',
    'skip-verify': 'TLS is always verified',
    skip_verify: 'TLS is always verified',
    branch: 'the commit of the run is checked out; fetch others in a step',
    remote: 'the repository of the run is checked out; fetch others in a step',
    sha: 'the commit of the run is checked out; fetch others in a step',
  });
  return read;
}
