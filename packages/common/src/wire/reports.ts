/**
 * Reports of a build: what tests, scanners and package managers wrote, sent by the runner that ran them.
 *
 *   PUT /v1/jobs/:jobId/reports?lease=N&kind=KIND&path=PATH&sha256=HEX   raw bytes → 201 ReportAnswer | 409 lease-lost
 *
 * Taken only for what a step of the job's workflow declares; nothing is decided by them.
 */
import { z } from 'zod';

/** junit: JUnit's XML. sarif: SARIF 2.1.0. coverage: Cobertura or LCOV. sbom: CycloneDX as JSON. */
export const ReportKind = z.enum(['junit', 'sarif', 'coverage', 'sbom']);
export type ReportKind = z.infer<typeof ReportKind>;

/** What one file may have. */
export const maxReportFileBytes = 8 * 1024 * 1024;
/** How many files of one job are sent and kept. */
export const maxReportFiles = 64;

/** `fault`: one sentence on why the file, which is kept, cannot be read; null when it can. */
export const ReportAnswer = z.strictObject({ fault: z.string().max(1000).nullable() });
export type ReportAnswer = z.infer<typeof ReportAnswer>;
