/** Reads `environment`, `settings` and the old `secrets` into variables of a step, as Woodpecker makes them. */
import type { PlanStep } from '@airlock/common/wire/run-plan';
import { Name } from '@airlock/common/wire/scalars';
import { readMap, readText } from './yaml-fields.ts';
import { join, type FaultList, type YamlEntry, type YamlValue } from './yaml-file.ts';

export type Environment = Record<string, PlanStep['environment'][string]>;

const maxValueBytes = 65_536;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function readEnvironment(value: YamlValue, path: string, faults: FaultList): Environment {
  const environment: Environment = {};
  if (value.kind === 'list') {
    faults.warn(value.at, path, 'written as a list; write `NAME: value` lines');
    value.items.forEach((item, index) => {
      const here = join(path, String(index));
      const [, name, text] = /^([^=]*)=(.*)$/s.exec(readText(item, here, faults) ?? '') ?? [];
      if (name === undefined || text === undefined)
        faults.add(item.at, here, 'expected NAME=value');
      else
        setVariable(
          environment,
          { key: name, keyAt: item.at, value: item },
          name,
          here,
          faults,
          text,
        );
    });
    return environment;
  }
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected `NAME: value` lines');
    return environment;
  }
  for (const entry of value.entries) {
    setVariable(environment, entry, entry.key, join(path, entry.key), faults);
  }
  return environment;
}

/** A plugin is told by variables: `dry-run: true` is PLUGIN_DRY_RUN. */
export function readSettings(value: YamlValue, path: string, faults: FaultList): Environment {
  const environment: Environment = {};
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected `setting: value` lines');
    return environment;
  }
  for (const entry of value.entries) {
    const name = `PLUGIN_${entry.key.replaceAll(/[.-]/g, '_').toUpperCase()}`;
    const here = join(path, entry.key);
    if (Object.hasOwn(environment, name)) {
      faults.add(entry.keyAt, here, `two settings are ${name} for the plugin`);
    } else setVariable(environment, entry, name, here, faults);
  }
  return environment;
}

/** `secrets: [name, { source: name, target: VARIABLE }]` of older files. */
export function readOldSecrets(value: YamlValue, path: string, faults: FaultList): Environment {
  const environment: Environment = {};
  const items = value.kind === 'list' ? value.items : [value];
  items.forEach((item, index) => {
    const here = join(path, String(index));
    const read: { source: string | null; target: string | null } = { source: null, target: null };
    if (item.kind === 'map') {
      readMap(item, here, faults, {
        source: (entry, at) => {
          read.source = readText(entry.value, at, faults);
        },
        target: (entry, at) => {
          read.target = readText(entry.value, at, faults);
        },
      });
    } else read.source = readText(item, here, faults);
    if (read.source === null) return;
    const name = (read.target ?? read.source).toUpperCase();
    faults.warn(
      item.at,
      here,
      `write \`environment: { ${name}: { from_secret: ${read.source} } }\``,
    );
    if (!variableName.test(name)) faults.add(item.at, here, badName);
    else if (isSecretName(read.source, item.at, here, faults))
      environment[name] = { secret: read.source };
  });
  return environment;
}

const badName = 'a variable’s name has letters, digits and `_` only, and begins with no digit';

function setVariable(
  environment: Environment,
  entry: YamlEntry,
  name: string,
  path: string,
  faults: FaultList,
  text?: string,
): void {
  // Assigned to an object, __proto__ would vanish without a word.
  if (!variableName.test(name) || name === '__proto__') {
    faults.add(entry.keyAt, path, badName);
    return;
  }
  const value = text ?? valueOf(entry.value, path, faults);
  if (value === null) {
    faults.warn(entry.keyAt, path, 'has no value and is not set; write "" for an empty one');
    return;
  }
  const bytes = Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
  if (bytes > maxValueBytes)
    faults.add(entry.keyAt, path, `a value has at most ${maxValueBytes} bytes`);
  else environment[name] = value;
}

/** Woodpecker's forms: a scalar as text, a list of scalars with commas, anything deeper as JSON. */
function valueOf(value: YamlValue, path: string, faults: FaultList): Environment[string] | null {
  if (value.kind === 'scalar') return value.value === null ? null : readText(value, path, faults);
  const secret = fromSecret(value, path, faults);
  if (secret !== null) return { secret };
  if (value.kind === 'list' && value.items.every((item) => item.kind === 'scalar')) {
    const texts = value.items.map((item) =>
      item.value === null ? '' : (readText(item, path, faults) ?? ''),
    );
    return texts.join(',');
  }
  return { json: JSON.stringify(jsonOf(value, path, faults)) };
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

function jsonOf(value: YamlValue, path: string, faults: FaultList): Json {
  if (value.kind === 'scalar') {
    return typeof value.value === 'string' ? (readText(value, path, faults) ?? '') : value.value;
  }
  if (value.kind === 'list') {
    return value.items.map((item, index) => jsonOf(item, join(path, String(index)), faults));
  }
  const secret = fromSecret(value, path, faults);
  if (secret !== null) return { from_secret: secret };
  const sorted = value.entries.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return Object.fromEntries(
    sorted.map((entry) => {
      const here = join(path, entry.key);
      if (entry.key === '__proto__') faults.add(entry.keyAt, here, 'this name cannot be used');
      return [entry.key, jsonOf(entry.value, here, faults)];
    }),
  );
}

/** The name in `{ from_secret: name }`; null for every other value. */
function fromSecret(value: YamlValue, path: string, faults: FaultList): string | null {
  if (value.kind !== 'map') return null;
  const entry = value.entries.find(({ key }) => key === 'from_secret');
  if (entry === undefined) return null;
  const here = join(path, 'from_secret');
  if (value.entries.length > 1) {
    faults.add(entry.keyAt, here, '`from_secret` stands alone: nothing beside it is read');
  }
  const name = readText(entry.value, here, faults) ?? '';
  return isSecretName(name, entry.value.at, here, faults) ? name : '';
}

function isSecretName(name: string, at: number, path: string, faults: FaultList): boolean {
  if (Name.safeParse(name).success) return true;
  faults.add(at, path, 'a secret’s name has 1 to 63 letters, digits, `.`, `_` or `-`');
  return false;
}
