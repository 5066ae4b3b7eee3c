/** CycloneDX 1.4 to 1.6 as JSON (ECMA-424): of what an artifact is made. */
import { cut, fault, listOf, maxEntries, member, stringOf, type Read } from './report.ts';
import { readJson } from './json.ts';

export interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string | null;
  /** Package URL, verbatim; null where the file has none. */
  readonly purl: string | null;
  /** SPDX ids, names or expressions, as written. */
  readonly licences: readonly string[];
}

export interface BillOfMaterials {
  readonly components: readonly Component[];
  /** Components beyond `maxEntries`, which are not in `components`. */
  readonly left: number;
}

export function readCycloneDx(bytes: Uint8Array): Read<BillOfMaterials> {
  const document = readJson(bytes);
  if (!document.ok) return document;
  const version = stringOf(member(document.value, 'specVersion')) ?? 'missing';
  if (member(document.value, 'bomFormat') !== 'CycloneDX' || !/^1\.[456]$/.test(version)) {
    return fault(`its specVersion is ${version}; CycloneDX 1.4, 1.5 and 1.6 are read`);
  }
  const components: Component[] = [];
  let left = 0;
  // Components may have components of their own; a list instead of recursion, because the depth is the file's choice.
  const open = [...listOf(member(document.value, 'components'))].reverse();
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    open.push(...[...listOf(member(entry, 'components'))].reverse());
    const name = stringOf(member(entry, 'name'));
    if (name === null) continue;
    if (components.length < maxEntries) components.push(componentOf(entry, name));
    else left += 1;
  }
  return { ok: true, value: { components, left } };
}

function componentOf(entry: unknown, name: string): Component {
  const group = stringOf(member(entry, 'group'));
  const version = stringOf(member(entry, 'version'));
  const purl = stringOf(member(entry, 'purl'));
  return {
    type: cut(stringOf(member(entry, 'type')) ?? 'library'),
    name: cut(group === null || group === '' ? name : `${group}/${name}`),
    version: version === null ? null : cut(version),
    purl: purl === null ? null : cut(purl),
    licences: listOf(member(entry, 'licenses'))
      .slice(0, 32)
      .flatMap((choice) => {
        const licence = member(choice, 'license');
        const text =
          stringOf(member(choice, 'expression')) ??
          stringOf(member(licence, 'id')) ??
          stringOf(member(licence, 'name'));
        return text === null ? [] : [cut(text)];
      }),
  };
}
