import type { SetVariable, VariableLayers } from '../domain/variable.ts';

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
  /** Those for all, of the chosen sets and of the repository; null when there is no such repository. */
  of(repository: string): Promise<VariableLayers<KeptVariable> | null>;
  /** Those for all repositories. */
  global(): Promise<readonly KeptVariable[]>;
  /** With a line in the record of changes. `full`: the scope has as many as it may have. */
  set(change: VariableChange, most: number): Promise<'set' | 'full' | 'no-repository'>;
  /** False when there is none of that name. */
  remove(variable: Omit<SetVariable, 'value'>, person: string): Promise<boolean>;
}

export interface SetChoice {
  readonly kind: 'repository' | 'group';
  /** Name of the repository, or of the group that owns repositories. */
  readonly chooser: string;
  /** Of two that set one name the later counts. */
  readonly sets: readonly string[];
}

/** Named sets of variables, and who chose them. A set is there as long as something is set in it. */
export interface VariableSetStore {
  /** By scope and name. */
  values(): Promise<readonly KeptVariable[]>;
  choices(): Promise<readonly SetChoice[]>;
  /** Replaces what the chooser had chosen. Otherwise the name of a set that is not there; null: of the repository. */
  choose(
    choice: SetChoice,
    person: string,
  ): Promise<'chosen' | { readonly missing: string | null }>;
}

export interface ShownSet {
  readonly name: string;
  readonly values: readonly KeptVariable[];
  /** Those that whoever asks may see. */
  readonly choosers: readonly Pick<SetChoice, 'kind' | 'chooser'>[];
}
