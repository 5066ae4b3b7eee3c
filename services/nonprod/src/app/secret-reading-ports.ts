/** What is needed to give secrets to builds: what is asked for, by which run, and who may have it. */
import type { SecretKind } from '@airlock/common/wire/secret-handout';
import type { PlanWorkflow } from '@airlock/common/wire/run-plan';
import type { Labelled } from '../domain/labels.ts';
import type { ReadingRun, SecretFilters } from '../domain/secret-filter.ts';
import type { LeaseProofOf } from './ports.ts';
import type { SealedSecret } from './secret-ports.ts';

/** A job as far as its secrets are concerned. */
export interface ReadingJob {
  readonly runId: string;
  readonly project: string;
  /** Of its repository, as they are now. */
  readonly labels: Labelled['labels'];
  readonly workflow: PlanWorkflow;
  readonly run: ReadingRun;
}

export interface ReadableSecret extends SealedSecret {
  readonly kind: SecretKind;
  readonly filters: SecretFilters;
}

export interface SecretReadingStore {
  /** Null when the lease does not hold. A run of which nobody decided how far it is trusted is a stranger's. */
  job(proof: LeaseProofOf): Promise<ReadingJob | null>;
  /** Of these names, those that are set and not erased: of the project, and those that name labels for others. */
  named(project: string, names: readonly string[]): Promise<readonly ReadableSecret[]>;
  /**
   * Takes down what a step is given, and that its run is post-review from now on, in one transaction.
   *
   * `taken`: it was given its secrets before under this lease. Nothing is written then, nor for `lease-lost`.
   */
  handOut(
    proof: LeaseProofOf,
    handout: {
      readonly step: string;
      readonly publicKey: Uint8Array;
      readonly secrets: readonly {
        readonly id: string;
        readonly name: string;
        readonly version: number;
      }[];
    },
  ): Promise<'given' | 'taken' | 'lease-lost'>;
}
