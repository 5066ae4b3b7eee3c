/** Variables of steps that people set beside pipeline files: whose value counts, and which runs are given them. */

/** In place of a repository's name: for all of them. */
export const everyRepository = '*';

export const SetName = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The scope of a named set's variables; no repository's name begins so. */
export const scopeOfSet = (set: string): string => `@${set}`;

/** Where a scope's values hold, as words that follow a value. */
export function scopeWords(scope: string): string {
  if (scope === everyRepository) return 'for all repositories';
  return scope.startsWith('@') ? `of the set ${scope.slice(1)}` : `for ${scope}`;
}

export interface SetVariable {
  /** A repository's name, `everyRepository`, or that of a set. */
  readonly scope: string;
  readonly name: string;
  readonly value: string;
}

/** One name as a repository's runs get it, sorted by name. @property hides the value that would count without it. */
export interface ExplainedVariable<Variable extends SetVariable> {
  readonly set: Variable;
  readonly hides: Variable | null;
}

/** What is set where a repository looks. */
export interface VariableLayers<Variable extends SetVariable> {
  /** From the one that counts least to the one that counts most. */
  readonly scopes: readonly string[];
  /** In any order. */
  readonly all: readonly Variable[];
}

/** Of one name the value of the last scope counts. */
export function explainVariables<Variable extends SetVariable>({
  scopes,
  all,
}: VariableLayers<Variable>): ExplainedVariable<Variable>[] {
  const names = [...new Set(all.map(({ name }) => name))].sort();
  return names.flatMap((name) => {
    const [set, hides = null] = scopes
      .flatMap((scope) => all.filter((one) => one.name === name && one.scope === scope))
      .reverse();
    return set === undefined ? [] : [{ set, hides }];
  });
}

/** @param answers what the run was started with, which comes before what is set here. */
export function givenVariables(
  layers: VariableLayers<SetVariable>,
  answers: Readonly<Record<string, string>>,
): Record<string, string> {
  const set = explainVariables(layers).map(({ set: { name, value } }) => [name, value] as const);
  return { ...Object.fromEntries(set), ...answers };
}
