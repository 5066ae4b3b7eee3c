/**
 * JUnit's XML as test tools write it. There is no specification; what is read here is what Surefire, Gradle, pytest,
 * jest-junit, go-junit-report and node:test agree on.
 */
import {
  cut,
  fault,
  lineOf,
  listOf,
  maxEntries,
  member,
  pathOf,
  stringOf,
  type Read,
} from './report.ts';
import { readXml } from './xml.ts';

export interface TestCase {
  readonly suite: string;
  /** `classname`, or empty. */
  readonly group: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Null where the tool does not say. */
  readonly seconds: number | null;
  readonly message: string | null;
  readonly path: string | null;
  readonly line: number | null;
}

export interface TestReport {
  readonly cases: readonly TestCase[];
  /** Cases beyond `maxEntries`, which are not in `cases`. */
  readonly left: number;
}

export function readJUnit(bytes: Uint8Array): Read<TestReport> {
  const document = readXml(bytes);
  if (!document.ok) return document;
  const roots = [
    ...listOf(member(document.value, 'testsuites')),
    ...listOf(member(document.value, 'testsuite')).map((suite) => ({ testsuite: [suite] })),
  ];
  if (roots.length === 0) {
    return fault('it has neither <testsuites> nor <testsuite> at its top; is it a JUnit report?');
  }
  const cases: TestCase[] = [];
  let left = 0;
  for (const found of roots.flatMap((root) => casesIn(root, ''))) {
    if (cases.length < maxEntries) cases.push(found);
    else left += 1;
  }
  return { ok: true, value: { cases, left } };
}

function casesIn(parent: unknown, outer: string): TestCase[] {
  return listOf(member(parent, 'testsuite')).flatMap((suite) => {
    const name = cut(stringOf(member(suite, '@name')) ?? outer);
    const own = listOf(member(suite, 'testcase')).map((entry) => caseOf(entry, name, suite));
    return [...own, ...casesIn(suite, name)];
  });
}

function caseOf(entry: unknown, suite: string, parent: unknown): TestCase {
  const [bad] = [...listOf(member(entry, 'failure')), ...listOf(member(entry, 'error'))];
  const [skipped] = listOf(member(entry, 'skipped'));
  const seconds = Number(stringOf(member(entry, '@time'))?.replaceAll(',', '') ?? Number.NaN);
  return {
    suite,
    group: cut(stringOf(member(entry, '@classname')) ?? ''),
    name: cut(stringOf(member(entry, '@name')) ?? '(without a name)'),
    outcome: bad !== undefined ? 'failed' : skipped !== undefined ? 'skipped' : 'passed',
    seconds: Number.isFinite(seconds) && seconds >= 0 ? seconds : null,
    message: messageOf(bad ?? skipped),
    path: pathOf(member(entry, '@file') ?? member(parent, '@file')),
    line: lineOf(member(entry, '@line')),
  };
}

/** An element without attributes is its text; with attributes, its text stands beside them. */
function messageOf(element: unknown): string | null {
  if (element === undefined) return null;
  const text = stringOf(element) ?? stringOf(member(element, '#text')) ?? '';
  const head = stringOf(member(element, '@message')) ?? '';
  const whole = text.includes(head) ? text : `${head}\n${text}`;
  return whole.trim() === '' ? null : cut(whole.trim());
}
