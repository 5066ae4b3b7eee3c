/** Which key a run's artifact is signed by. The signer judges each time by itself; this is what it is asked for. */
import type { FilesFrom } from './held-run.ts';

export type Builder = 'main' | 'pr';

export function signingBuilder(ref: string, mainBranch: string): Builder {
  return ref === `refs/heads/${mainBranch}` ? 'main' : 'pr';
}

interface BuiltRun {
  readonly event: string;
  readonly ref: string;
  readonly repository: { readonly name: string; readonly mainBranch: string };
  /** The repository whose builds are signed. */
  readonly signed: string;
}

/** The one kind of run that becomes a release: built from its commit and plan alone, since the signer refuses more. */
export function isBuiltForRelease({ event, ref, repository, signed }: BuiltRun): boolean {
  return (
    repository.name === signed &&
    event === 'push' &&
    signingBuilder(ref, repository.mainBranch) === 'main'
  );
}

/** Null: nothing that the run builds is signed. */
export function builderThatSigns(run: BuiltRun & { readonly files: FilesFrom }): Builder | null {
  // Provenance names the files of the commit.
  if (run.repository.name !== run.signed || run.files === 'base') return null;
  const builder = signingBuilder(run.ref, run.repository.mainBranch);
  return builder === 'pr' || isBuiltForRelease(run) ? builder : null;
}
