/** Looking at what a job left, and at a run that is suspicious for it. */
import type { Flag } from '../domain/watch/flag.ts';
import type { Measures } from '../domain/watch/baseline.ts';
import type { LeaseProofOf } from './ports.ts';

/** Whose usual figures count: a pool stands for how far its builds are trusted. */
export interface LookedAtJob {
  readonly repository: string;
  readonly workflow: string;
  readonly instance: number;
  readonly pool: string;
}

export interface NewLook extends Measures {
  readonly lines: number;
  readonly seenLines: number;
  readonly flags: readonly Flag[];
  /** Passed: what is usual may be learned from it, unless it is suspicious. */
  readonly passed: boolean;
}

export interface LookStore {
  /** The newest first. */
  before(job: LookedAtJob, limit: number): Promise<readonly Measures[]>;
  /** A second look at the same attempt is not kept. */
  keep(
    proof: Pick<LeaseProofOf, 'jobId' | 'lease'>,
    job: LookedAtJob,
    look: NewLook,
  ): Promise<void>;
}

export interface Review {
  readonly reason: string;
  readonly by: string;
  readonly name: string;
  readonly at: Date;
}

/** What there is to know of a run before it is promoted. */
export interface RunSuspicion {
  /** Of its jobs in the order of the plan; of a job that was kept, what was seen when it ran. */
  readonly flags: readonly (Flag & { readonly jobId: string; readonly workflow: string })[];
  readonly review: Review | null;
}

export interface ReviewStore {
  /** None of it: nothing was seen, or there is no such run. */
  of(runId: string): Promise<RunSuspicion>;
  /** Flags of each run that has some. */
  marks(
    runIds: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly suspicious: boolean; readonly reviewed: boolean }>>;
  /** Those who started it or the run of a job that was kept, and the authors of their commits; null: no such run. */
  theirs(runId: string): Promise<readonly string[] | null>;
  /** False when somebody did before. */
  review(runId: string, review: Omit<Review, 'at'>): Promise<boolean>;
}
