import type { Admission } from '../domain/quota.ts';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { FilesFrom } from '../domain/held-run.ts';
import type { NewJob } from './ports.ts';
import type { RunTrust } from './trust-ports.ts';

export interface WaitingRun {
  readonly id: string;
  readonly repository: string;
  readonly state: string;
  readonly event: string;
  readonly ref: string;
  readonly branch: string;
  readonly commit: string;
  readonly pullRequest: number | null;
  readonly authorEmail: string;
  /** Of its ref as the scheduler last saw it. */
  readonly head: string | null;
  readonly trust: RunTrust;
}

export interface NewRelease {
  readonly runId: string;
  readonly commit: string;
  readonly files: FilesFrom;
  /** Of both sets of files, as they were looked at. */
  readonly filesDigest: string;
  readonly person: { readonly id: string; readonly name: string };
}

export interface ReleaseStore {
  run(id: string): Promise<WaitingRun | null>;
  /** False when the run does not wait (any more), or its ref moved on, or it is being released already. */
  ask(release: NewRelease): Promise<boolean>;
  /** The last release of a run, whether it was acted on or not. */
  of(runId: string): Promise<{
    readonly files: FilesFrom;
    readonly name: string;
    readonly at: Date;
  } | null>;
}

export interface AskedRelease extends NewRelease {
  readonly run: WaitingRun;
}

export interface ReleaseApplication {
  readonly plan: RunPlan;
  readonly warnings: readonly string[];
  readonly jobs: readonly NewJob[];
  readonly files: FilesFrom;
  readonly filesCommit: string;
  readonly notes: readonly string[];
  readonly limits: Admission;
}

/** The scheduler's side: it makes the jobs of what was released. */
export interface ReleaseQueue {
  asked(limit: number): Promise<readonly AskedRelease[]>;
  /** Starts the run with these jobs; false when it does not wait (any more) or its ref moved on. */
  start(runId: string, release: ReleaseApplication): Promise<boolean>;
  /** The run goes on waiting, and says why. */
  putBack(runId: string, reason: string): Promise<void>;
  /** The run ends here. */
  fail(runId: string, reason: string): Promise<void>;
}
