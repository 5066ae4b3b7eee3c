import type { PlanStep, PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import { titleOf } from '@airlock/common/workflow-name';

/**
 * Where two plans differ, for people: one phrase each, naming workflow, step and field. Empty when their digests are the
 * same.
 *
 * @param expected what the files at the commit say. @param found what ran.
 */
export function planDifferences(expected: RunPlan, found: RunPlan): string[] {
  const named = ({ workflows }: RunPlan): string => workflows.map(titleOf).join(', ');
  const others =
    named(expected) === named(found)
      ? pairs(expected.workflows, found.workflows).flatMap((pair) => workflowDifferences(...pair))
      : [`workflows ${named(expected)} expected, ran ${named(found)}`];
  return [...others, ...fieldDifferences(expected, found, ['workflows'])];
}

function workflowDifferences(expected: PlanWorkflow, found: PlanWorkflow): string[] {
  const where = `workflow ${titleOf(expected)}`;
  const said = (differences: readonly string[]): string[] =>
    differences.map((difference) => `${where}: ${difference}`);
  const named = ({ steps }: PlanWorkflow): string => steps.map(({ name }) => name).join(', ');
  if (named(expected) !== named(found)) {
    return said([`steps ${named(expected)} expected, ran ${named(found)}`]);
  }
  return said([
    ...pairs(expected.steps, found.steps).flatMap((pair) => stepDifferences(...pair)),
    ...fieldDifferences(expected, found, ['steps']),
  ]);
}

function stepDifferences(expected: PlanStep, found: PlanStep): string[] {
  const where = `step ${expected.name}`;
  const differences: string[] = [];
  if (expected.image !== found.image) {
    differences.push(`image ${quoted(expected.image)} expected, ran ${quoted(found.image)}`);
  }
  const lines = Math.max(expected.commands.length, found.commands.length);
  for (let line = 0; line < lines; line += 1) {
    const [wanted, ran] = [expected.commands[line], found.commands[line]];
    if (wanted === ran) continue;
    differences.push(
      `command ${line + 1} ${wanted === undefined ? 'is not in the file' : `${quoted(wanted)} expected`}, ${ran === undefined ? 'was left out' : `ran ${quoted(ran)}`}`,
    );
    break;
  }
  const variables = fieldDifferences(expected.environment, found.environment, []);
  if (variables.length > 0) differences.push(`environment ${variables.join(', ')}`);
  differences.push(
    ...fieldDifferences(expected, found, ['name', 'image', 'commands', 'environment']),
  );
  return differences.map((difference) => `${where}: ${difference}`);
}

/** Names of the members that differ, those in `but` left out. */
function fieldDifferences(expected: object, found: object, but: readonly string[]): string[] {
  const members = new Map<string, unknown>(Object.entries(found));
  const wanted = new Map<string, unknown>(Object.entries(expected));
  return [...new Set([...wanted.keys(), ...members.keys()])]
    .filter((name) => !but.includes(name))
    .filter((name) => written(wanted.get(name)) !== written(members.get(name)))
    .sort();
}

/** The same for values of the same meaning, whatever the order of their keys. */
const written = (value: unknown): string => JSON.stringify(sorted(value));

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? 'nothing';
  if (Array.isArray(value)) return value.map(sorted);
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)]);
}

function pairs<T>(left: readonly T[], right: readonly T[]): [T, T][] {
  return left.flatMap((item, index) => {
    const other = right[index];
    return other === undefined ? [] : [[item, other] as [T, T]];
  });
}

/** Cut, because a command may be long and all of this ends on one line of a page. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
