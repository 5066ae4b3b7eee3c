import type { RunPlan } from '@airlock/common/wire/run-plan';

/**
 * Where two plans differ, for people: one phrase each, naming step and field. Empty when their digests are the same.
 *
 * @param expected what the files at the commit say. @param found what ran.
 */
export function planDifferences(expected: RunPlan, found: RunPlan): string[] {
  const named = (plan: RunPlan): string => plan.steps.map(({ name }) => name).join(', ');
  if (named(expected) !== named(found)) {
    return [`steps ${named(expected)} expected, ran ${named(found)}`, ...rest(expected, found)];
  }
  const steps = expected.steps.flatMap((step, index) => {
    const other = found.steps[index];
    return other === undefined ? [] : stepDifferences(step, other);
  });
  return [...steps, ...rest(expected, found)];
}

type Step = RunPlan['steps'][number];

function stepDifferences(expected: Step, found: Step): string[] {
  const where = `step ${expected.name}`;
  const differences: string[] = [];
  if (expected.image !== found.image) {
    differences.push(
      `${where}: image ${quoted(expected.image)} expected, ran ${quoted(found.image)}`,
    );
  }
  const lines = Math.max(expected.commands.length, found.commands.length);
  for (let line = 0; line < lines; line += 1) {
    const [wanted, ran] = [expected.commands[line], found.commands[line]];
    if (wanted === ran) continue;
    differences.push(
      `${where}: command ${line + 1} ${wanted === undefined ? 'is not in the file' : `${quoted(wanted)} expected`}, ${ran === undefined ? 'was left out' : `ran ${quoted(ran)}`}`,
    );
    break;
  }
  const names = new Set([...Object.keys(expected.environment), ...Object.keys(found.environment)]);
  const variables = [...names].filter(
    (name) => expected.environment[name] !== found.environment[name],
  );
  if (variables.length > 0)
    differences.push(`${where}: environment ${variables.sort().join(', ')}`);
  return differences;
}

function rest(expected: RunPlan, found: RunPlan): string[] {
  return (['artifact', 'release'] as const).filter(
    (part) => JSON.stringify(entries(expected[part])) !== JSON.stringify(entries(found[part])),
  );
}

function entries(part: RunPlan['artifact'] | RunPlan['release']): unknown {
  return part === null ? null : Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Cut, because a command may be long and all of this ends on one line of a page. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
