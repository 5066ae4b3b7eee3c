/** SARIF 2.1.0 (OASIS): what scanners and linters found. */
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
import { readJson } from './json.ts';

export interface Finding {
  readonly tool: string;
  readonly rule: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly path: string | null;
  readonly line: number | null;
}

export interface FindingReport {
  readonly findings: readonly Finding[];
  /** Findings beyond `maxEntries`, which are not in `findings`. */
  readonly left: number;
}

export function readSarif(bytes: Uint8Array): Read<FindingReport> {
  const document = readJson(bytes);
  if (!document.ok) return document;
  const version = stringOf(member(document.value, 'version'));
  if (version !== '2.1.0') {
    return fault(`its version is ${version ?? 'missing'}; SARIF 2.1.0 is read`);
  }
  const findings: Finding[] = [];
  let left = 0;
  for (const run of listOf(member(document.value, 'runs'))) {
    const driver = member(member(run, 'tool'), 'driver');
    const tool = cut(stringOf(member(driver, 'name')) ?? 'a tool without a name');
    const defaults = defaultLevels(driver);
    for (const result of listOf(member(run, 'results'))) {
      // `none` and `pass` are no findings; suppressed ones were decided on by somebody.
      const kind = stringOf(member(result, 'kind')) ?? 'fail';
      if (kind !== 'fail' || listOf(member(result, 'suppressions')).length > 0) continue;
      const finding = findingOf(result, tool, defaults);
      if (finding === null) continue;
      if (findings.length < maxEntries) findings.push(finding);
      else left += 1;
    }
  }
  return { ok: true, value: { findings, left } };
}

function findingOf(
  result: unknown,
  tool: string,
  defaults: ReadonlyMap<string, string>,
): Finding | null {
  const rule =
    stringOf(member(result, 'ruleId')) ?? stringOf(member(member(result, 'rule'), 'id')) ?? '';
  // Section 3.27.10: a result without a level has the one of its rule, and a rule without one has `warning`.
  const level = levelOf(stringOf(member(result, 'level')) ?? defaults.get(rule) ?? 'warning');
  if (level === null) return null;
  const [location] = listOf(member(result, 'locations'));
  const physical = member(location, 'physicalLocation');
  return {
    tool,
    rule: cut(rule),
    level,
    message: cut(stringOf(member(member(result, 'message'), 'text')) ?? ''),
    path: pathOf(member(member(physical, 'artifactLocation'), 'uri')),
    line: lineOf(member(member(physical, 'region'), 'startLine')),
  };
}

function defaultLevels(driver: unknown): ReadonlyMap<string, string> {
  return new Map(
    listOf(member(driver, 'rules')).flatMap((rule): [string, string][] => {
      const id = stringOf(member(rule, 'id'));
      const level = stringOf(member(member(rule, 'defaultConfiguration'), 'level'));
      return id === null || level === null ? [] : [[id, level]];
    }),
  );
}

function levelOf(text: string): Finding['level'] | null {
  return text === 'error' || text === 'warning' || text === 'note' ? text : null;
}
