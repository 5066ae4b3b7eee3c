/** `matrix`: the combinations for each of which the workflow runs once. */
import { readMap, readText, readTextMap } from './yaml-fields.ts';
import { join, type FaultList, type YamlValue } from './yaml-file.ts';

export type Combination = Readonly<Record<string, string>>;

export const maxCombinations = 64;
const maxAxes = 10;
const maxValueLength = 255;

/** Empty for a matrix without axes. The last axis changes fastest. */
export function readMatrix(value: YamlValue, path: string, faults: FaultList): Combination[] {
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected axes such as `GO_VERSION: [1.24, 1.25]`, or `include`');
    return [];
  }
  const include = value.entries.find(({ key }) => key === 'include');
  if (include !== undefined) {
    const [other] = value.entries.filter(({ key }) => key !== 'include');
    if (other !== undefined) {
      faults.add(
        other.keyAt,
        join(path, other.key),
        'beside `include` axes are not read; write all combinations into it',
      );
    }
    return checked(
      readInclude(include.value, join(path, 'include'), faults),
      value.at,
      path,
      faults,
    );
  }
  let combinations: Combination[] = value.entries.length === 0 ? [] : [{}];
  for (const entry of value.entries) {
    const here = join(path, entry.key);
    if (entry.key === 'exclude') {
      faults.add(entry.keyAt, here, 'there is no `exclude`; list what is wanted with `include`');
      continue;
    }
    const values = readAxis(entry.value, here, faults);
    // Multiplied out only as far as it can be accepted.
    combinations = combinations
      .slice(0, maxCombinations + 1)
      .flatMap((combination) => values.map((text) => ({ ...combination, [entry.key]: text })));
  }
  return checked(combinations, value.at, path, faults);
}

function readAxis(value: YamlValue, path: string, faults: FaultList): string[] {
  if (value.kind !== 'list' || value.items.length === 0) {
    faults.add(value.at, path, 'expected a list of values');
    return [];
  }
  return value.items
    .slice(0, maxCombinations + 1)
    .map((item, index) => readText(item, join(path, String(index)), faults) ?? '');
}

function readInclude(value: YamlValue, path: string, faults: FaultList): Combination[] {
  if (value.kind !== 'list' || value.items.length === 0) {
    faults.add(value.at, path, 'expected a list of combinations');
    return [];
  }
  return value.items.slice(0, maxCombinations + 1).map((item, index) => {
    const here = join(path, String(index));
    if (item.kind === 'map') return readTextMap(item, here, faults);
    readMap(item, here, faults, {});
    return {};
  });
}

function checked(
  combinations: Combination[],
  at: number,
  path: string,
  faults: FaultList,
): Combination[] {
  if (combinations.length > maxCombinations) {
    faults.add(at, path, `more than ${maxCombinations} combinations`);
    return combinations.slice(0, maxCombinations);
  }
  const axes = new Set(combinations.flatMap((combination) => Object.keys(combination)));
  if (axes.size > maxAxes) faults.add(at, path, `at most ${maxAxes} axes`);
  for (const axis of axes) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(axis) && axis !== '__proto__') continue;
    faults.add(at, join(path, axis), 'an axis is a variable: letters, digits and `_` only');
  }
  if (combinations.some((one) => Object.values(one).some((text) => text.length > maxValueLength))) {
    faults.add(at, path, `a value has at most ${maxValueLength} characters`);
  }
  const seen = new Set(combinations.map((one) => JSON.stringify(Object.entries(one).toSorted())));
  if (seen.size < combinations.length) faults.add(at, path, 'a combination stands here twice');
  return combinations;
}
