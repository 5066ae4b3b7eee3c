/**
 * Software bills of materials as CycloneDX (https://cyclonedx.org/docs/1.6/json/) and SPDX 2
 * (https://spdx.github.io/spdx-spec/v2.3/) write them as JSON. They come out of a build and are read as hostile text: one that
 * cannot be read is named, and never taken for an empty one.
 */
import { splitPurl } from '../purl.ts';
import { shortened } from './shortened.ts';

/** Bytes of all SBOMs of one artifact that are read; what comes after is named as unread. */
export const maxSbomBytes = 8 * 1024 * 1024;
/** SBOMs of one artifact that are read. */
export const maxSboms = 16;
const maxComponents = 50_000;
const maxNesting = 32;
const maxTextLength = 200;

/** What lists one component: its versions and licences as the SBOM spells them. */
export type Component = { readonly versions: Set<string>; readonly licences: Set<string> };
/** By package URL without its version, or by name where the SBOM says none. */
export type Components = Map<string, Component>;

export class SbomError extends Error {}

/** Whether a file is called as both specifications propose. */
export function isSbom(path: string): boolean {
  return /(^|\/)(bom\.json|[^/]*\.(cdx|spdx)\.json)$/.test(path);
}

/** Adds what the SBOM lists. @throws SbomError where it is none that is understood; then `into` may have a part of it. */
export function readSbom(bytes: Uint8Array, into: Components): void {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SbomError('no JSON in UTF-8', { cause });
  }
  const bom = membersOf(document);
  if (bom['bomFormat'] === 'CycloneDX') readCycloneDx(bom, into);
  else if (textOf(bom['spdxVersion']).startsWith('SPDX-2.')) readSpdx(bom, into);
  else throw new SbomError('neither CycloneDX nor SPDX 2');
}

type Members = Readonly<Record<string, unknown>>;

/** Nothing that is asked of it comes from Object.prototype. */
function membersOf(value: unknown): Members {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return Object.assign(Object.create(null), isObject ? value : {}) as Members;
}

const listOf = (value: unknown): readonly unknown[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new SbomError('a list in it is none');
  return value;
};

const textOf = (value: unknown): string =>
  typeof value === 'string' ? shortened(value, maxTextLength) : '';

function readCycloneDx(bom: Members, into: Components): void {
  const waiting = [{ list: listOf(bom['components']), depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.depth > maxNesting) throw new SbomError('nested too deeply');
    if (next.list.length > maxComponents) throw new SbomError('more components than are read');
    for (const one of next.list) {
      const component = membersOf(one);
      // Files are what the list of the artifact's own files is for.
      if (component['type'] !== 'file') {
        const group = textOf(component['group']);
        const name = textOf(component['name']);
        add(into, {
          purl: textOf(component['purl']),
          name: group === '' ? name : `${group}/${name}`,
          version: textOf(component['version']),
          licences: cycloneDxLicences(component),
        });
      }
      if (component['components'] !== undefined) {
        waiting.push({ list: listOf(component['components']), depth: next.depth + 1 });
      }
    }
  }
}

function cycloneDxLicences(component: Members): string[] {
  return listOf(component['licenses']).flatMap((choice) => {
    const { expression, license } = membersOf(choice);
    const { id, name } = membersOf(license);
    const said = textOf(expression) || textOf(id) || textOf(name);
    return said === '' ? [] : [said];
  });
}

function readSpdx(bom: Members, into: Components): void {
  const described = new Set(listOf(bom['documentDescribes']));
  for (const one of listOf(bom['packages'])) {
    const found = membersOf(one);
    // What the document describes is the artifact itself.
    if (described.has(found['SPDXID'])) continue;
    const purl = listOf(found['externalRefs'])
      .map(membersOf)
      .find(({ referenceType }) => referenceType === 'purl');
    add(into, {
      purl: textOf(purl?.['referenceLocator']),
      name: textOf(found['name']),
      version: textOf(found['versionInfo']),
      licences: [found['licenseConcluded'], found['licenseDeclared']]
        .map(textOf)
        .filter((licence) => licence !== '' && licence !== 'NOASSERTION' && licence !== 'NONE')
        .slice(0, 1),
    });
  }
}

function add(
  into: Components,
  said: { purl: string; name: string; version: string; licences: readonly string[] },
): void {
  const purl = /^pkg:[a-z]+\/./.test(said.purl) ? splitPurl(said.purl) : null;
  const name = purl?.name ?? said.name;
  if (name === '') throw new SbomError('a component in it has no name');
  const component = into.get(name) ?? { versions: new Set(), licences: new Set() };
  into.set(name, component);
  if (into.size > maxComponents) throw new SbomError(`more than ${maxComponents} components`);
  component.versions.add(said.version || purl?.version || '?');
  for (const licence of said.licences) component.licences.add(licence);
}
