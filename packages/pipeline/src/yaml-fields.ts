/** Reads typed fields out of a YAML tree; whatever is not expected becomes a fault at its own line and column. */
import { nearWord } from '@airlock/common/near-word';
import { join, type FaultList, type YamlEntry, type YamlValue } from './yaml-file.ts';

/** Known keys of one map: what to do with each. A string is the hint with which the key is refused. */
export type Keys = Readonly<Record<string, ((entry: YamlEntry, path: string) => void) | string>>;

/** Calls the reader of every key; refuses keys by their hint, and unknown ones by naming those that are known. */
export function readMap(value: YamlValue, path: string, faults: FaultList, keys: Keys): void {
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected keys and values here');
    return;
  }
  for (const entry of value.entries) {
    const here = join(path, entry.key);
    const known = Object.hasOwn(keys, entry.key) ? keys[entry.key] : undefined;
    if (typeof known === 'function') known(entry, here);
    else if (typeof known === 'string')
      faults.add(entry.keyAt, here, `\`${entry.key}\` is refused: ${known}`);
    else {
      const accepted = Object.keys(keys).filter((key) => typeof keys[key] === 'function');
      const near = nearWord(entry.key, accepted);
      const hint =
        near === undefined ? `known here: ${accepted.join(', ')}` : `did you mean \`${near}\`?`;
      faults.add(entry.keyAt, here, `unknown key \`${entry.key}\`; ${hint}`);
    }
  }
}

// Half of a surrogate pair has no bytes to be signed; NUL ends a string in a shell, an environment and a database.
const unusable = /\p{Surrogate}|\0/u;

/** A scalar as text exactly as written, so that `1.10` stays `1.10`. */
export function readText(value: YamlValue, path: string, faults: FaultList): string | null {
  if (value.kind !== 'scalar' || value.value === null) {
    faults.add(value.at, path, 'expected text');
    return null;
  }
  const text = typeof value.value === 'string' ? value.value : value.source;
  if (!unusable.test(text)) return text;
  faults.add(value.at, path, 'text without NUL and without half surrogate pairs expected');
  return null;
}

export function readTexts(value: YamlValue, path: string, faults: FaultList): string[] {
  const items = value.kind === 'list' ? value.items : [value];
  return items.flatMap((item, index) => {
    const text = readText(item, value.kind === 'list' ? join(path, String(index)) : path, faults);
    return text === null ? [] : [text];
  });
}

/** Null, with a fault, for anything but true and false, also in quotes as plugins' settings have them. */
export function readFlag(value: YamlValue, path: string, faults: FaultList): boolean | null {
  if (value.kind === 'scalar' && typeof value.value === 'boolean') return value.value;
  if (value.kind === 'scalar' && value.value === 'true') return true;
  if (value.kind === 'scalar' && value.value === 'false') return false;
  faults.add(value.at, path, 'expected true or false');
  return null;
}

/** A whole number, in quotes or not; null, with a fault, for anything else. */
export function readWhole(
  value: YamlValue,
  path: string,
  faults: FaultList,
  range: { readonly least: number; readonly most: number },
): number | null {
  const text = value.kind === 'scalar' ? String(value.value) : '';
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= range.least && number <= range.most) return number;
  faults.add(value.at, path, `expected a whole number from ${range.least} to ${range.most}`);
  return null;
}

/** One of the words given; null, with a fault that names them, for anything else. */
export function readWord<T extends string>(
  value: YamlValue,
  path: string,
  faults: FaultList,
  words: readonly T[],
): T | null {
  const text = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : null;
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  faults.add(value.at, path, `expected ${words.join(', ')}`);
  return null;
}

/** Names with a scalar each; a name that an object cannot carry is a fault. */
export function readTextMap(
  value: YamlValue,
  path: string,
  faults: FaultList,
): Record<string, string> {
  const texts: Record<string, string> = {};
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected `name: text` lines');
    return texts;
  }
  for (const entry of value.entries) {
    const here = join(path, entry.key);
    // Assigned to an object, __proto__ would vanish without a word.
    if (entry.key === '__proto__') faults.add(entry.keyAt, here, 'this name cannot be used');
    else if (entry.value.kind === 'scalar' && entry.value.value === null) texts[entry.key] = '';
    else texts[entry.key] = readText(entry.value, here, faults) ?? '';
  }
  return texts;
}
