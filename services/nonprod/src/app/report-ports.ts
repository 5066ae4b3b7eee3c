/** Reports of builds: what tests, scanners and package managers wrote. */
import type { ReportKind } from '@airlock/common/wire/reports';
import type { TestReport } from '@airlock/reports/junit';
import type { LeaseProofOf } from './ports.ts';

/** What a file holds, by its kind; a fault is one sentence on why it cannot be read. */
export type ReportContent =
  | { readonly kind: 'junit'; readonly tests: TestReport }
  | { readonly kind: ReportKind; readonly fault: string };

export interface NewReport {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
  readonly content: ReportContent;
}

export interface ReportStore {
  /** False, and nothing written, when the lease does not hold; true also for a file that was taken before. */
  add(proof: LeaseProofOf, report: NewReport): Promise<boolean>;
  /** How many files came under this lease. */
  count(proof: LeaseProofOf): Promise<number>;
}

export interface ReportFile {
  readonly kind: ReportKind;
  readonly path: string;
  /** Of the workflow that wrote it. */
  readonly workflow: string;
  readonly size: number;
  readonly fault: string | null;
  /** Entries that were too many to be kept. */
  readonly leftOut: number;
}

export interface TestRow {
  readonly workflow: string;
  readonly suite: string;
  readonly group: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly seconds: number | null;
  readonly message: string | null;
  readonly path: string | null;
  readonly line: number | null;
  /** It passed in one and failed in another attempt at the same commit. */
  readonly isFlaky: boolean;
}

export interface TestsOfRun {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly flaky: number;
  /** Failed first, then flaky, then by what took longest; not all, if there are many. */
  readonly tests: readonly TestRow[];
}

export interface ReportQueries {
  /** Of the last attempt of every workflow. */
  files(runId: string): Promise<readonly ReportFile[]>;
  tests(runId: string, limit: number): Promise<TestsOfRun>;
}
