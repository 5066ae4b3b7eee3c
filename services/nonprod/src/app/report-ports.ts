/** Reports of builds: what tests, scanners and package managers wrote. */
import type { ReportKind } from '@airlock/common/wire/reports';
import type { CoverageReport, FileCoverage } from '@airlock/reports/coverage';
import type { BillOfMaterials, Component } from '@airlock/reports/cyclonedx';
import type { TestReport } from '@airlock/reports/junit';
import type { Finding, FindingReport } from '@airlock/reports/sarif';
import type { LeaseProofOf } from './ports.ts';

/** What a file holds, by its kind; a fault is one sentence on why it cannot be read. */
export type ReportContent =
  | { readonly kind: 'junit'; readonly tests: TestReport }
  | { readonly kind: 'sarif'; readonly found: FindingReport }
  | { readonly kind: 'coverage'; readonly coverage: CoverageReport }
  | { readonly kind: 'sbom'; readonly bill: BillOfMaterials }
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

export interface Coverage {
  readonly lines: number;
  readonly covered: number;
}

export interface CoverageOfRun extends Coverage {
  /** The newest run of the main branch before this one that has coverage. */
  readonly main: (Coverage & { readonly runId: string; readonly number: number }) | null;
  /** By what is not covered, most lines first. */
  readonly files: readonly FileCoverage[];
}

export interface Listed<T> {
  readonly total: number;
  /** Not all, if there are many. */
  readonly entries: readonly T[];
}

export interface ReportQueries {
  /** Of the last attempt of every workflow. */
  files(runId: string): Promise<readonly ReportFile[]>;
  tests(runId: string, limit: number): Promise<TestsOfRun>;
  /** Errors first. */
  findings(runId: string, limit: number): Promise<Listed<Finding>>;
  /** A file in several reports has the greatest cover of them; null when no report was read. */
  coverage(runId: string, mainRef: string, limit: number): Promise<CoverageOfRun | null>;
  /** Each once, by name and version. */
  components(runId: string, limit: number): Promise<Listed<Component>>;
}
