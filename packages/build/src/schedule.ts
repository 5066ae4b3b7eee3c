/** Which steps of a workflow may start now, and which never will. */

/** What scheduling needs of a step of the plan. */
export type Scheduled = {
  readonly name: string;
  /** Names of steps that come before it. */
  readonly dependsOn: readonly string[];
  readonly runsOn: readonly ('success' | 'failure')[];
};

/**
 * `started`: it runs in the background, and who depends on it does not wait for its end. `failed`: only a failure that
 * counts; one that the file says to ignore is `passed` here.
 */
export type StepState = 'waiting' | 'running' | 'started' | 'passed' | 'failed' | 'skipped';

export type Next = {
  /** `after`: what happened before the step. */
  readonly start: { readonly name: string; readonly after: 'success' | 'failure' }[];
  readonly skip: string[];
};

const isBehind = (state: StepState | undefined): boolean =>
  state !== 'waiting' && state !== 'running';

/**
 * A step is decided once every step before it is behind: it starts when what happened before it is in its `runsOn`, and is
 * skipped otherwise. "Before it" is what it depends on, directly or through others, so that what a step does never hangs on
 * which of two branches was faster.
 *
 * @param states of every step, by name; a missing one counts as waiting.
 * @returns names in the order of the workflow. Skipping a step may free others: they are in the same answer.
 */
export function nextSteps(
  steps: readonly Scheduled[],
  states: ReadonlyMap<string, StepState>,
): Next {
  const now = new Map(steps.map(({ name }) => [name, states.get(name) ?? 'waiting']));
  const start: Next['start'] = [];
  const skip: string[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const { name, dependsOn, runsOn } of steps) {
      if (now.get(name) !== 'waiting' || !dependsOn.every((before) => isBehind(now.get(before)))) {
        continue;
      }
      const after = failedBefore(steps, now, dependsOn) ? 'failure' : 'success';
      if (runsOn.includes(after)) {
        start.push({ name, after });
        now.set(name, 'running');
      } else {
        skip.push(name);
        now.set(name, 'skipped');
      }
      changed = true;
    }
  }
  return { start, skip };
}

function failedBefore(
  steps: readonly Scheduled[],
  states: ReadonlyMap<string, StepState>,
  dependsOn: readonly string[],
): boolean {
  const seen = new Set<string>();
  const open = [...dependsOn];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (states.get(name) === 'failed') return true;
    open.push(...(steps.find((step) => step.name === name)?.dependsOn ?? []));
  }
  return false;
}

/** The first step that waits for something that cannot come: itself, or a name that no step has; null when there is none. */
export function neverReady(steps: readonly Scheduled[]): string | null {
  const ready = new Set<string>();
  for (let grown = true; grown;) {
    grown = false;
    for (const { name, dependsOn } of steps) {
      if (ready.has(name) || !dependsOn.every((before) => ready.has(before))) continue;
      ready.add(name);
      grown = true;
    }
  }
  return steps.find(({ name }) => !ready.has(name))?.name ?? null;
}
