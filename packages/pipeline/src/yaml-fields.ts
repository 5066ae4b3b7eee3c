/** Reads typed fields out of a YAML tree; whatever is not expected becomes a fault at its own line and column. */
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
      faults.add(
        entry.keyAt,
        here,
        `unknown key \`${entry.key}\`; known here: ${accepted.join(', ')}`,
      );
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
