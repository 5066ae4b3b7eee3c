/** Variables of steps that people set beside pipeline files: whose value counts, and which runs are given them. */

/** In place of a repository's name: for all of them. */
export const everyRepository = '*';

export interface SetVariable {
  /** A repository's name, or `everyRepository`. */
  readonly scope: string;
  readonly name: string;
  readonly value: string;
}

/** One name as a repository's runs get it, sorted by name. @property hides the value for all repositories that it hides. */
export interface ExplainedVariable<Variable extends SetVariable> {
  readonly set: Variable;
  readonly hides: Variable | null;
}

/** A repository's own value comes before the one for all. @param all of both scopes. */
export function explainVariables<Variable extends SetVariable>(
  all: readonly Variable[],
): ExplainedVariable<Variable>[] {
  const names = [...new Set(all.map(({ name }) => name))].sort();
  return names.flatMap((name) => {
    const global = all.find((one) => one.name === name && one.scope === everyRepository) ?? null;
    const own = all.find((one) => one.name === name && one.scope !== everyRepository) ?? null;
    if (own !== null) return [{ set: own, hides: global }];
    return global === null ? [] : [{ set: global, hides: null }];
  });
}

/**
 * None for a push to the main branch of the repository whose builds are signed: what is released is built from its commit
 * and plan alone, and the signer refuses a build that was given more.
 */
export function isGivenVariables(run: {
  readonly event: string;
  readonly ref: string;
  readonly repository: { readonly name: string; readonly mainBranch: string };
  /** The repository whose builds are signed. */
  readonly signed: string;
}): boolean {
  const { event, ref, repository, signed } = run;
  return !(
    repository.name === signed &&
    event === 'push' &&
    ref === `refs/heads/${repository.mainBranch}`
  );
}

/** @param answers what the run was started with, which comes before what is set here. */
export function givenVariables(
  all: readonly SetVariable[],
  answers: Readonly<Record<string, string>>,
): Record<string, string> {
  const set = explainVariables(all).map(({ set: { name, value } }) => [name, value] as const);
  return { ...Object.fromEntries(set), ...answers };
}
