/**
 * Reads a YAML file that a stranger may have written into a tree that knows where everything stood.
 *
 * The limits are here because the parser's own are not enough: its check for repeated keys is quadratic (60 000 keys
 * take minutes), so that check is switched off and made linear here; aliases are expanded here and counted.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';

export const maxFileBytes = 64 * 1024;
const maxNodes = 4000;
const maxAliases = 100;
const maxDepth = 32;

export interface Fault {
  /** 1-based; 1:1 when the whole file is meant. */
  readonly line: number;
  readonly column: number;
  /** Where in the document, such as `steps.0.image`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

export type YamlScalar = string | number | boolean | null;
export type YamlValue =
  | {
      readonly kind: 'scalar';
      readonly value: YamlScalar;
      readonly source: string;
      readonly at: number;
    }
  | { readonly kind: 'list'; readonly items: readonly YamlValue[]; readonly at: number }
  | { readonly kind: 'map'; readonly entries: readonly YamlEntry[]; readonly at: number };
export interface YamlEntry {
  readonly key: string;
  readonly keyAt: number;
  readonly value: YamlValue;
}

/** Collects faults, so that a person sees all of them at once. */
export interface FaultList {
  add(at: number, path: string, message: string): void;
  /** What is followed but should be written otherwise, or means less here than it reads. */
  warn(at: number, path: string, message: string): void;
  place(at: number): Place;
  addAt(place: Place, path: string, message: string): void;
  warnAt(place: Place, path: string, message: string): void;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** 1-based line and column in the file. */
export type Place = Pick<Fault, 'line' | 'column'>;

export interface YamlFile {
  readonly root: YamlValue | null;
  readonly faults: FaultList;
}

/** `file:line:column: path: message`, the form that editors and terminals make a link of. */
export function formatFault(file: string, fault: Fault): string {
  const path = fault.path === '' ? '' : `${fault.path}: `;
  return `${file}:${fault.line}:${fault.column}: ${path}${fault.message}`;
}

export function readYamlFile(text: string): YamlFile {
  const lines = new LineCounter();
  const found: Fault[] = [];
  const warnings: Fault[] = [];
  const place = (at: number): Place => {
    const { line, col } = at === 0 ? { line: 1, col: 1 } : lines.linePos(at);
    return { line, column: col };
  };
  const faults: FaultList = {
    faults: found,
    warnings,
    place,
    add(at, path, message) {
      found.push({ ...place(at), path, message });
    },
    addAt(where, path, message) {
      found.push({ ...where, path, message });
    },
    warn(at, path, message) {
      warnings.push({ ...place(at), path, message });
    },
    warnAt(where, path, message) {
      warnings.push({ ...where, path, message });
    },
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > maxFileBytes) {
    faults.add(0, '', `the file has ${bytes} bytes; at most ${maxFileBytes} are read`);
    return { root: null, faults };
  }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    merge: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
  });
  for (const { code, message, pos } of document.errors) {
    // The parser reports its own exhausted stack as one of the file's errors.
    const tooDeep = code === 'RESOURCE_EXHAUSTION';
    faults.add(pos[0], '', tooDeep ? `nested deeper than ${maxDepth} levels` : message);
  }
  if (found.length > 0) return { root: null, faults };
  const root = expand(document, faults);
  return { root: found.length > 0 ? null : root, faults };
}

class TooMuch extends Error {}

function expand(document: Document, faults: FaultList): YamlValue | null {
  let nodes = 0;
  let aliases = 0;

  const visit = (node: unknown, path: string, depth: number): YamlValue => {
    const at = offsetOf(node);
    nodes += 1;
    if (nodes > maxNodes) {
      faults.add(at, path, `the file has more than ${maxNodes} values`);
      throw new TooMuch();
    }
    if (depth > maxDepth) {
      faults.add(at, path, `nested deeper than ${maxDepth} levels`);
      throw new TooMuch();
    }
    if (isAlias(node)) {
      aliases += 1;
      if (aliases > maxAliases) {
        faults.add(at, path, `more than ${maxAliases} aliases`);
        throw new TooMuch();
      }
      return visit(node.resolve(document), path, depth + 1);
    }
    if (isScalar(node)) {
      const value = node.value;
      const plain =
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? value
          : null;
      return { kind: 'scalar', value: plain, source: node.source ?? '', at };
    }
    if (isSeq(node)) {
      const items = node.items.flatMap((item, index) => {
        const here = join(path, String(index));
        const merged = mergedList(item);
        if (merged === null) return [visit(item, here, depth + 1)];
        const value = visit(merged, here, depth + 1);
        // `- <<: *list` stands for the items of the list, `- <<: [*list, *list]` for those of each.
        if (value.kind !== 'list') return [visit(item, here, depth + 1)];
        if (isAlias(merged)) return value.items;
        return value.items.every((inner) => inner.kind === 'list')
          ? value.items.flatMap((inner) => inner.items)
          : [visit(item, here, depth + 1)];
      });
      return { kind: 'list', at, items };
    }
    if (isMap(node)) {
      const own: YamlEntry[] = [];
      const merged: YamlEntry[] = [];
      const seen = new Set<string>();
      for (const pair of node.items) {
        const keyAt = offsetOf(pair.key);
        const key = isScalar(pair.key) && pair.key.value !== null ? keyText(pair.key.value) : null;
        if (key === null) {
          faults.add(keyAt, path, 'a key must be a word, not a list or a map');
          continue;
        }
        if (seen.has(key)) faults.add(keyAt, join(path, key), 'the key stands here twice');
        seen.add(key);
        const value = visit(pair.value, join(path, key), depth + 1);
        if (key !== '<<') own.push({ key, keyAt, value });
        else merged.push(...mergedEntries(value, keyAt, path, faults));
      }
      const names = new Set(own.map((entry) => entry.key));
      for (const entry of merged) {
        if (names.has(entry.key)) continue;
        names.add(entry.key);
        own.push(entry);
      }
      return { kind: 'map', at, entries: own };
    }
    return { kind: 'scalar', value: null, source: '', at };
  };

  try {
    return visit(document.contents, '', 0);
  } catch (error) {
    if (error instanceof TooMuch) return null;
    throw error;
  }
}

/** What an item of a list merges in when it is `<<: …` and nothing else; Woodpecker merges lists in this way. */
function mergedList(item: unknown): unknown {
  if (!isMap(item) || item.items.length !== 1) return null;
  const [pair] = item.items;
  return isScalar(pair?.key) && pair.key.value === '<<' ? pair.value : null;
}

function mergedEntries(
  value: YamlValue,
  at: number,
  path: string,
  faults: FaultList,
): readonly YamlEntry[] {
  const maps = value.kind === 'list' ? value.items : [value];
  return maps.flatMap((map) => {
    if (map.kind === 'map') return map.entries;
    faults.add(at, join(path, '<<'), 'only a map, or a list of maps, can be merged in');
    return [];
  });
}

function keyText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function offsetOf(node: unknown): number {
  if (typeof node !== 'object' || node === null || !('range' in node)) return 0;
  const range = node.range;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}

export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
