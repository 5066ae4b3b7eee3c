/** Line coverage from Cobertura's XML or LCOV's tracefile (geninfo(1)). */
import { fault, lineOf, listOf, maxEntries, member, pathOf, textOf, type Read } from './report.ts';
import { readXml } from './xml.ts';

export interface FileCoverage {
  readonly path: string;
  /** Lines that can be covered, and of those the ones that were. */
  readonly lines: number;
  readonly covered: number;
}

export interface CoverageReport {
  /** By path; a file that stands in the report twice is counted once, each line covered where any part says so. */
  readonly files: readonly FileCoverage[];
  readonly lines: number;
  readonly covered: number;
}

type Hits = Map<string, Map<number, boolean>>;

export function readCoverage(bytes: Uint8Array): Read<CoverageReport> {
  const head = Buffer.from(bytes.subarray(0, 512)).toString('utf8').trimStart();
  return head.startsWith('<') ? readCobertura(bytes) : readLcov(bytes);
}

function readCobertura(bytes: Uint8Array): Read<CoverageReport> {
  const document = readXml(withoutDocumentType(bytes));
  if (!document.ok) return document;
  const [coverage] = listOf(member(document.value, 'coverage'));
  if (coverage === undefined) return fault('it has no <coverage> at its top; is it Cobertura XML?');
  const hits: Hits = new Map();
  const classes = inside(inside([coverage], 'packages', 'package'), 'classes', 'class');
  for (const each of classes) {
    const path = pathOf(member(each, '@filename'));
    if (path === null) continue;
    for (const line of inside([each], 'lines', 'line')) {
      const number = lineOf(member(line, '@number'));
      const count = Number(member(line, '@hits'));
      if (number !== null && Number.isFinite(count)) note(hits, path, number, count > 0);
    }
  }
  return summed(hits);
}

/** Cobertura names its DTD by a public address; that line alone is no danger, and nothing is fetched. */
function withoutDocumentType(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  const match = /<!DOCTYPE coverage SYSTEM (["'])[^"'<>[\]]*\1\s*>/.exec(text.slice(0, 4096));
  return match === null ? bytes : Buffer.from(text.replace(match[0], ''), 'latin1');
}

function inside(parents: readonly unknown[], list: string, element: string): readonly unknown[] {
  return parents.flatMap((parent) =>
    listOf(member(parent, list)).flatMap((each) => listOf(member(each, element))),
  );
}

function readLcov(bytes: Uint8Array): Read<CoverageReport> {
  const text = textOf(bytes);
  if (!text.ok) return text;
  const hits: Hits = new Map();
  let path: string | null = null;
  let sawFile = false;
  for (const line of text.value.split('\n')) {
    const record = line.trim();
    if (record.startsWith('SF:')) {
      sawFile = true;
      path = pathOf(record.slice(3));
    } else if (record === 'end_of_record') path = null;
    else if (path !== null) {
      const data = /^DA:(\d{1,9}),(\d{1,18})(,|$)/.exec(record);
      const number = lineOf(data?.[1]);
      if (number !== null) note(hits, path, number, !/^0+$/.test(data?.[2] ?? '0'));
    }
  }
  return sawFile ? summed(hits) : fault('it is neither Cobertura XML nor an LCOV tracefile');
}

function note(hits: Hits, path: string, line: number, covered: boolean): void {
  let lines = hits.get(path);
  if (lines === undefined) {
    if (hits.size >= maxEntries) return;
    lines = new Map();
    hits.set(path, lines);
  }
  lines.set(line, (lines.get(line) ?? false) || covered);
}

function summed(hits: Hits): Read<CoverageReport> {
  const files = [...hits]
    .map(([path, lines]) => {
      const covered = [...lines.values()].filter(Boolean).length;
      return { path, lines: lines.size, covered };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const sum = (pick: (file: FileCoverage) => number): number =>
    files.reduce((total, file) => total + pick(file), 0);
  return {
    ok: true,
    value: { files, lines: sum((file) => file.lines), covered: sum((file) => file.covered) },
  };
}
