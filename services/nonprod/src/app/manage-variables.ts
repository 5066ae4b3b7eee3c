import { looksSecret } from '../domain/looks-secret.ts';
import type { SetVariable } from '../domain/variable.ts';
import type { VariableStore } from './variable-ports.ts';

/** Of one repository, or of all together: what a person still reads through. */
export const mostVariables = 100;

export interface VariableWish extends SetVariable {
  /** Why it may be read by everybody although it looks like a secret; empty: it may not. */
  readonly publicBecause: string;
}

export type VariableAnswer =
  | { readonly kind: 'set' }
  | { readonly kind: 'looks-secret'; readonly what: string }
  | { readonly kind: 'full' }
  | { readonly kind: 'no-repository' };

/** Keeps a variable. What looks like a secret is refused until somebody says why it is none, which stays on record. */
export function createSetVariable(
  variables: Pick<VariableStore, 'set'>,
): (wish: VariableWish, person: string) => Promise<VariableAnswer> {
  return async ({ publicBecause, ...variable }, person) => {
    const lookedLike = looksSecret(variable.name, variable.value);
    if (lookedLike !== null && publicBecause === '') {
      return { kind: 'looks-secret', what: lookedLike };
    }
    const override = lookedLike === null ? null : { lookedLike, publicBecause };
    return { kind: await variables.set({ ...variable, person, override }, mostVariables) };
  };
}
