/** Wires the reports of builds; the web process alone takes and shows them. */
import type { Database } from './adapters/postgres/client.ts';
import { createReportContents } from './adapters/postgres/report-contents.ts';
import { createReportQueries } from './adapters/postgres/report-queries.ts';
import { createReportStore } from './adapters/postgres/report-store.ts';
import type { BlobStore, JobStore } from './app/ports.ts';
import type { ReportQueries } from './app/report-ports.ts';
import { createTakeReport, type TakeReport } from './app/take-report.ts';

export interface ReportKeeping {
  readonly take: TakeReport;
  readonly queries: ReportQueries;
}

export function keepReports(options: {
  readonly db: Database;
  readonly jobs: Pick<JobStore, 'facts'>;
  readonly blobs: BlobStore;
}): ReportKeeping {
  const reports = createReportStore(options.db);
  return {
    take: createTakeReport({ ...options, reports }),
    queries: { ...createReportQueries(options.db), ...createReportContents(options.db) },
  };
}
