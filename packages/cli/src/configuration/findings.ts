/** What `airlock config check` has to say, each with its place in a file. */
import type { InspectedConfiguration } from '@airlock/process/configuration-faults';

/** A fault stops deliveries or lets too much through; a note is for somebody to think about. */
export type Finding = {
  readonly kind: 'fault' | 'note';
  /** Relative to the directory, such as `targets/prod-eu.yaml`. */
  readonly file: string;
  /** 1-based; 1:1 when the whole file is meant. */
  readonly line: number;
  readonly column: number;
  /** Such as `approvals.rules.0`; empty for the file itself. */
  readonly path: string;
  /** What it is and how to mend it. */
  readonly message: string;
};

export type Say = Readonly<
  Record<'fault' | 'note', (path: readonly PropertyKey[], message: string) => Finding>
>;

/** Makes findings of one file. */
export function sayOf(file: string, placeOf: InspectedConfiguration['placeOf']): Say {
  const say =
    (kind: Finding['kind']) =>
    (path: readonly PropertyKey[], message: string): Finding => ({
      ...{ kind, file, ...placeOf(file, path) },
      ...{ path: path.map(String).join('.'), message },
    });
  return { fault: say('fault'), note: say('note') };
}

/** By file, then from top to bottom. */
export const inOrder = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
