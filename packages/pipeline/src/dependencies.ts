/** `depends_on`, and the order that follows from it. */
import { readFlag, readMap, readText } from './yaml-fields.ts';
import { join, type FaultList, type Place, type YamlValue } from './yaml-file.ts';

export interface Dependency {
  /** As the file has it. */
  readonly name: string;
  /** Left out when what it names does not run. */
  readonly optional: boolean;
  readonly place: Place;
}

const maxDependencies = 64;

export function readDependsOn(value: YamlValue, path: string, faults: FaultList): Dependency[] {
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length > maxDependencies)
    faults.add(value.at, path, `at most ${maxDependencies} names`);
  return items.slice(0, maxDependencies).flatMap((item, index) => {
    const here = value.kind === 'list' ? join(path, String(index)) : path;
    const read: { name: string | null; optional: boolean } = { name: null, optional: false };
    if (item.kind === 'map') {
      readMap(item, here, faults, {
        name: (entry, at) => {
          read.name = readText(entry.value, at, faults);
        },
        optional: (entry, at) => {
          read.optional = readFlag(entry.value, at, faults) ?? false;
        },
      });
      if (read.name === null) faults.add(item.at, here, 'the `name` is missing');
    } else read.name = readText(item, here, faults);
    const { name, optional } = read;
    return name === null ? [] : [{ name, optional, place: faults.place(item.at) }];
  });
}

/** Names on a circle of dependencies, the first again at its end; null when there is none. */
export function findCycle(
  dependencies: ReadonlyMap<string, readonly string[]>,
): readonly string[] | null {
  const done = new Set<string>();
  for (const start of dependencies.keys()) {
    const cycle = walk(start, dependencies, done);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** Without recursion: a chain may be as long as there are names. */
function walk(
  start: string,
  dependencies: ReadonlyMap<string, readonly string[]>,
  done: Set<string>,
): readonly string[] | null {
  const trail: { name: string; next: number }[] = [{ name: start, next: 0 }];
  for (let last = trail.at(-1); last !== undefined; last = trail.at(-1)) {
    const name = done.has(last.name) ? undefined : dependencies.get(last.name)?.[last.next];
    if (name === undefined) {
      done.add(last.name);
      trail.pop();
      continue;
    }
    last.next += 1;
    const from = trail.findIndex((entry) => entry.name === name);
    if (from >= 0) return [...trail.slice(from).map((entry) => entry.name), name];
    trail.push({ name, next: 0 });
  }
  return null;
}
