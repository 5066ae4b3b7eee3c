/** `when`: what a condition says, and whether it holds for what happened. */
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { Expression } from './expression.ts';
import { globMatcher, literalGlob } from './glob.ts';
import { substituteWith, type Variables } from './substitution.ts';

/** Globs in which references may stand. */
export interface Patterns {
  /** Empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface PathCondition extends Patterns {
  readonly onEmpty: boolean;
  readonly ignoreMessage: string;
}

export type Status = 'success' | 'failure';

/** Everything in it must hold; null holds always. */
export interface Condition {
  readonly events: readonly string[] | null;
  readonly branch: Patterns | null;
  readonly ref: Patterns | null;
  readonly repo: Patterns | null;
  readonly platform: Patterns | null;
  readonly instance: Patterns | null;
  readonly cron: Patterns | null;
  readonly path: PathCondition | null;
  readonly matrix: {
    readonly include: Readonly<Record<string, string>>;
    readonly exclude: Readonly<Record<string, string>>;
  } | null;
  readonly evaluate: Expression | null;
  /** Empty: success. It decides when a step runs and not whether. */
  readonly status: readonly Status[];
}

/** What happened, as far as conditions ask. */
export interface Occasion {
  readonly event: RunEvent;
  /** Of a pull request: the branch it wants to be merged into. */
  readonly branch: string;
  readonly ref: string;
  readonly tag: string | null;
  readonly sourceBranch: string | null;
  /** Null: not known; every path condition holds. */
  readonly changedFiles: readonly string[] | null;
  /** Name of the schedule. */
  readonly cron: string | null;
  readonly repository: string;
  /** CI_* and public variables for `evaluate` and for references; a name that is missing is empty. */
  readonly environment: Variables;
}

export interface ConditionFacts {
  readonly occasion: Occasion;
  readonly matrix: Variables;
  /** Of the pool that the workflow asks for, such as linux/amd64. */
  readonly platform: string;
}

const always: Condition = {
  ...{ events: null, branch: null, ref: null, repo: null, platform: null, instance: null },
  ...{ cron: null, path: null, matrix: null, evaluate: null, status: [] },
};

/** The conditions that hold, one of which is enough; without any condition a single one that says nothing. */
export function holding(
  conditions: readonly Condition[],
  facts: ConditionFacts,
): readonly Condition[] {
  if (conditions.length === 0) return [always];
  return conditions.filter((condition) => holds(condition, facts));
}

/** On which outcome of what came before it runs; asked only of conditions that hold. */
export function statusesOf(conditions: readonly Condition[]): Status[] {
  const success = conditions.some(
    ({ status }) => status.length === 0 || status.includes('success'),
  );
  const failure = conditions.some(({ status }) => status.includes('failure'));
  return [...(success ? (['success'] as const) : []), ...(failure ? (['failure'] as const) : [])];
}

/** The events that come with a list of changed files. */
const changing: readonly RunEvent[] = [
  'push',
  'pull_request',
  'pull_request_closed',
  'pull_request_metadata',
];

function holds(condition: Condition, facts: ConditionFacts): boolean {
  const { occasion, matrix, platform } = facts;
  const variables = { ...occasion.environment, ...matrix };
  const matches = (patterns: Patterns | null, name: string): boolean =>
    patterns === null || patternsHold(patterns, name, variables);
  return (
    (condition.events === null || condition.events.includes(occasion.event)) &&
    (occasion.event === 'tag' || matches(condition.branch, occasion.branch)) &&
    matches(condition.ref, occasion.ref) &&
    matches(condition.repo, occasion.repository) &&
    matches(condition.platform, platform) &&
    matches(condition.instance, variables['CI_SYSTEM_HOST'] ?? '') &&
    (occasion.event !== 'cron' || matches(condition.cron, occasion.cron ?? '')) &&
    matrixHolds(condition.matrix, matrix, variables) &&
    (!changing.includes(occasion.event) || pathHolds(condition.path, occasion, variables)) &&
    (condition.evaluate === null || condition.evaluate.holds(variables))
  );
}

/** A value put into a pattern matches itself alone: a branch named `*` is no wildcard. */
function matcher(pattern: string, variables: Variables): (name: string) => boolean {
  return globMatcher(substituteWith(pattern, variables, literalGlob)) ?? (() => false);
}

function patternsHold({ include, exclude }: Patterns, name: string, variables: Variables): boolean {
  if (exclude.some((pattern) => matcher(pattern, variables)(name))) return false;
  return include.length === 0 || include.some((pattern) => matcher(pattern, variables)(name));
}

function matrixHolds(
  condition: Condition['matrix'],
  matrix: Variables,
  variables: Variables,
): boolean {
  if (condition === null) return true;
  const same = ([axis, pattern]: [string, string]): boolean =>
    matcher(pattern, variables)(matrix[axis] ?? '');
  const excluded = Object.entries(condition.exclude);
  if (excluded.length > 0 && excluded.every(same)) return false;
  return Object.entries(condition.include).every(same);
}

/** Woodpecker's rule: one file in `include` is enough, and `exclude` leaves out only when it matches all files. */
function pathHolds(path: PathCondition | null, occasion: Occasion, variables: Variables): boolean {
  const { changedFiles: files } = occasion;
  if (path === null || files === null) return true;
  const message = (variables['CI_COMMIT_MESSAGE'] ?? '').toLowerCase();
  if (path.ignoreMessage !== '' && message.includes(path.ignoreMessage.toLowerCase())) return true;
  if (files.length === 0) return path.onEmpty;
  const [include, exclude] = [path.include, path.exclude].map((patterns) =>
    patterns.map((pattern) => matcher(pattern, variables)),
  );
  const matchesOne = (matchers: typeof include, file: string): boolean =>
    matchers?.some((matches) => matches(file)) === true;
  if (path.exclude.length > 0 && files.every((file) => matchesOne(exclude, file))) return false;
  return path.include.length === 0 || files.some((file) => matchesOne(include, file));
}
