import type { SetVariable } from '../domain/variable.ts';

export interface KeptVariable extends SetVariable {
  /** Why it is public although it looks like a secret; null where it does not. */
  readonly publicBecause: string | null;
  readonly setBy: string;
  readonly setAt: Date;
}

export type VariableChange = SetVariable & {
  readonly person: string;
  /** Null where it looks like no secret. */
  readonly override: { readonly lookedLike: string; readonly publicBecause: string } | null;
};

export interface VariableStore {
  /** Those for all and those of the repository; null when there is no such repository. */
  of(repository: string): Promise<readonly KeptVariable[] | null>;
  /** Those for all repositories. */
  global(): Promise<readonly KeptVariable[]>;
  /** With a line in the record of changes. `full`: the scope has as many as it may have. */
  set(change: VariableChange, most: number): Promise<'set' | 'full' | 'no-repository'>;
  /** False when there is none of that name. */
  remove(variable: Omit<SetVariable, 'value'>, person: string): Promise<boolean>;
}
