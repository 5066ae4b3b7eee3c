/** What cancelling a run and making it once more need from outside. */
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { RunState } from '../domain/run.ts';

export interface Canceller {
  readonly id: string;
  readonly name: string;
}

export interface CancelStore {
  /**
   * Ends every job that no runner has and marks the run, in one transaction; a job that a runner has ends with its report,
   * or when its lease runs out.
   *
   * @returns null when there is no such run; else what the run was when it was asked, and what it is now. `was` an ended
   *   state or `again`: nothing was written.
   */
  cancel(
    runId: string,
    person: Canceller,
  ): Promise<{ readonly was: RunState; readonly again: boolean; readonly now: RunState } | null>;
}

/** A run as somebody may want it once more. */
export interface EndedRun {
  readonly id: string;
  readonly state: RunState;
  readonly repository: string;
  readonly event: RunEvent;
  readonly ref: string;
  readonly commit: string;
  readonly pullRequest: number | null;
  readonly cron: string | null;
  readonly deployTo: string | null;
  readonly variables: Readonly<Record<string, string>>;
  /** The commit that its ref points at now; null: the ref is gone. */
  readonly head: string | null;
  /** A retry of it that has not ended. */
  readonly retriedAs: string | null;
  readonly isMain: boolean;
}

export interface RetryStore {
  find(runId: string): Promise<EndedRun | null>;
  /** False when one was asked for meanwhile. */
  ask(
    run: EndedRun,
    retry: { readonly id: string; readonly person: string; readonly onlyFailed: boolean },
  ): Promise<boolean>;
}
