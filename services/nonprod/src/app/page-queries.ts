/** What the pages and their JSON twins show: reads only, shaped for people. */
import type { EgressReport } from '@airlock/common/wire/isolation';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { JobState } from '../domain/job-lease.ts';
import type { RunState, StepState } from '../domain/run.ts';
import type { JobOutcome } from '../domain/workflow-order.ts';
import type { GateState } from '../domain/promotion-status.ts';
import type { RunSuspicion } from './look-ports.ts';

export interface RunSummary {
  readonly id: string;
  readonly repository: string;
  readonly number: number;
  readonly ref: string;
  readonly branch: string;
  readonly pullRequest: number | null;
  readonly event: RunEvent;
  readonly commit: string;
  readonly subject: string;
  readonly authorName: string;
  readonly authorEmail: string;
  readonly state: RunState;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** What was seen of its build; null: nothing to tell. */
  readonly mark: RunMark | null;
}

export type RunMark = 'suspicious' | 'reviewed' | 'unusual';

export interface StepSummary {
  readonly name: string;
  readonly kind: 'step' | 'service';
  readonly image: string;
  readonly state: StepState;
  readonly exitCode: number | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface JobSummary {
  readonly id: string;
  /** Of the workflow, with its combination of a matrix. */
  readonly title: string;
  readonly state: JobState;
  readonly outcome: JobOutcome | null;
  /** Why it ended so; of a queued one why nobody takes it. */
  readonly reason: string | null;
  readonly pool: string;
  readonly attempt: number;
  readonly runner: string | null;
  readonly isolation: { readonly mode: string; readonly enforced: readonly string[] } | null;
  /** What its commands sent and fetched; null: they had no way out, or it has not ended. */
  readonly egress: EgressReport | null;
  /** Names the attempt whose log is the newest; 0 before the first. */
  readonly lease: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Services after the steps. */
  readonly steps: readonly StepSummary[];
}

export interface RunDetails extends RunSummary, RunSuspicion {
  /** Name of whoever cancelled it; null: nobody did. */
  readonly cancelledBy: string | null;
  /** The run that it makes once more. */
  readonly retryOf: { readonly id: string; readonly number: number } | null;
  /** What came of asking for it once more, the newest first. */
  readonly retries: readonly {
    readonly id: string;
    /** Null: not started, or refused for the reason. */
    readonly number: number | null;
    readonly refused: string | null;
  }[];
  readonly repositoryUrl: string;
  /** Of what its repository signs. */
  readonly isMain: boolean;
  /** What the compiler said of its files, `file:line:column: …` each. */
  readonly warnings: readonly string[];
  /** Null where the files could not be followed. */
  readonly plan: RunPlan | null;
  readonly signing: 'none' | 'wanted' | 'signed' | 'refused';
  readonly signingReason: string | null;
  /** In the order of the plan. */
  readonly jobs: readonly JobSummary[];
  readonly artifact: {
    readonly name: string;
    readonly digest: string;
    readonly size: number;
  } | null;
  readonly candidate: {
    readonly id: string;
    readonly builder: 'main' | 'pr';
    readonly release: string | null;
  } | null;
}

export interface CandidateSummary {
  readonly id: string;
  readonly runId: string;
  readonly builder: 'main' | 'pr';
  readonly release: string | null;
  readonly commit: string;
  readonly subject: string;
  readonly authorName: string;
  readonly artifact: { readonly name: string; readonly digest: string; readonly size: number };
  readonly targets: readonly string[];
  readonly createdAt: Date;
  /** Why what built it is not trusted any more; null when it is. */
  readonly taint: string | null;
}

export interface CandidateDetails extends CandidateSummary {
  /** Why a person has to look at its build first; null when nobody has to, or somebody has. */
  readonly suspicion: string | null;
  readonly ref: string;
  readonly provenance: string;
  readonly testResult: string | null;
  readonly requests: readonly PromotionSummary[];
}

export interface PromotionSummary {
  readonly id: string;
  readonly candidateId: string;
  readonly release: string;
  readonly target: string;
  readonly reason: string;
  readonly requesterId: string;
  readonly requesterName: string;
  readonly requestedAt: Date;
  readonly state: 'asked' | 'published' | 'refused';
  readonly stateReason: string | null;
  readonly publishedAt: Date | null;
  readonly status: {
    readonly state: GateState;
    readonly text: string;
    readonly codes: readonly string[];
    readonly promotion: string | null;
    readonly page: string | null;
    readonly at: Date;
  } | null;
}

export interface RunFilter {
  /** Repositories whose runs are left out. */
  readonly hidden: readonly string[];
  /** Of this one alone. Default of all. */
  readonly repository?: string;
}

/** Lists leave out what belongs to the repositories that are hidden from whoever looks. */
export interface PageQueries {
  /** Newest first. */
  runs(limit: number, filter: RunFilter): Promise<readonly RunSummary[]>;
  run(id: string): Promise<RunDetails | null>;
  /** Of a run, in the order of its plan, which is not read for it: titles are names of workflows. None: no such run. */
  jobs(id: string): Promise<readonly JobSummary[]>;
  candidates(limit: number, hidden: readonly string[]): Promise<readonly CandidateSummary[]>;
  candidate(id: string): Promise<CandidateDetails | null>;
  /** The newest run of main, for the page that has no candidate to show. */
  lastMainRun(
    mainBranch: string,
    hidden: readonly string[],
  ): Promise<(RunSummary & { failedStep: string | null }) | null>;
  promotions(limit: number, hidden: readonly string[]): Promise<readonly PromotionSummary[]>;
  promotion(id: string): Promise<PromotionSummary | null>;
  /** When the gate last called; null before the first time. */
  gateSeenAt(): Promise<Date | null>;
}
