/** What people may still do with a run. */
import { isFinished, type RunState } from './run.ts';

/** Whether its page may show something else in a while. */
export function mayChange(run: {
  readonly state: RunState;
  readonly signing: 'none' | 'wanted' | 'signed' | 'refused';
  readonly retries: readonly { readonly number: number | null; readonly refused: string | null }[];
}): boolean {
  return !isFinished(run.state) || run.signing === 'wanted' || isAskedAgain(run.retries);
}

/** A retry is asked for and the scheduler has not answered. */
export function isAskedAgain(
  retries: readonly { readonly number: number | null; readonly refused: string | null }[],
): boolean {
  return retries.some(({ number, refused }) => number === null && refused === null);
}

/** Why a run is not made once more; null when it may be. */
export function retryRefusal(run: {
  readonly state: RunState;
  readonly ref: string;
  readonly commit: string;
  /** The commit that the ref points at; null: it is gone. */
  readonly head: string | null;
  /** A retry that has not ended. */
  readonly retriedAs: string | null;
}): string | null {
  const { state, ref, commit, head, retriedAs } = run;
  if (!isFinished(state)) {
    return `The run is ${state}; it can be made once more when it has ended. Cancel it if you do not want to wait.`;
  }
  if (retriedAs !== null) return `It is made once more already: ${retriedAs}.`;
  if (head === null)
    return `${ref} is gone, so nothing says any more how far ${commit} is trusted.`;
  return head === commit
    ? null
    : `${ref} is at ${head.slice(0, 12)} now, and no longer at ${commit.slice(0, 12)}; look at the run of that.`;
}

/** Why a retry may not keep what passed; null when it may. */
export function keepingRefusal(run: {
  readonly state: RunState;
  readonly isMain: boolean;
}): string | null {
  // Provenance says of one run that it made the whole.
  if (run.isMain) return 'What main builds may be signed, and is made whole: retry the whole run.';
  return run.state === 'passed' ? 'Nothing of the run failed: retry the whole run.' : null;
}
