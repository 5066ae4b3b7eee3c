import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { maxReportFileBytes, maxReportFiles, type ReportKind } from '@airlock/common/wire/reports';
import { workflowOf } from '@airlock/common/workflow-name';
import { matchesGlob } from '@airlock/pipeline/glob';
import { readCoverage } from '@airlock/reports/coverage';
import { readCycloneDx } from '@airlock/reports/cyclonedx';
import { readJUnit } from '@airlock/reports/junit';
import { readSarif } from '@airlock/reports/sarif';
import { leaseHolds } from '../domain/job-lease.ts';
import type { BlobStore, JobStore, LeaseProofOf } from './ports.ts';
import type { ReportContent, ReportStore } from './report-ports.ts';

export interface SentReport {
  readonly kind: ReportKind;
  readonly path: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

export type TakenReport =
  | { readonly kind: 'taken'; readonly fault: string | null }
  | { readonly kind: 'lease-lost' }
  /** One sentence. */
  | { readonly kind: 'refused'; readonly reason: string };

export type TakeReport = (proof: LeaseProofOf, report: SentReport) => Promise<TakenReport>;

/** Keeps a report and its entries, if the workflow declares it; what cannot be read is kept too, with why. */
export function createTakeReport(ports: {
  readonly jobs: Pick<JobStore, 'facts'>;
  readonly reports: ReportStore;
  readonly blobs: BlobStore;
}): TakeReport {
  const { jobs, reports, blobs } = ports;
  return async (proof, { kind, path, digest, bytes }) => {
    const job = await jobs.facts(proof.jobId);
    if (job === null || !leaseHolds(job, proof)) return { kind: 'lease-lost' };
    const declared = workflowOf(job.plan, job.workflow)?.steps.some(({ reports: globs = [] }) =>
      globs.some((each) => each.kind === kind && matchesGlob(each.glob, path)),
    );
    if (declared !== true) return refused(`no step of this job declares ${kind} at ${path}`);
    if (createHash('sha256').update(bytes).digest('hex') !== digest) {
      return refused(`${path} is not of the digest that was said`);
    }
    if ((await reports.count(proof)) >= maxReportFiles) {
      return refused(`a job has at most ${maxReportFiles} reports`);
    }
    await blobs.put(Readable.from([bytes]), { maxBytes: maxReportFileBytes, expected: digest });
    const content = contentOf(kind, bytes);
    const isHeld = await reports.add(proof, { path, digest, size: bytes.length, content });
    if (!isHeld) return { kind: 'lease-lost' };
    return { kind: 'taken', fault: 'fault' in content ? content.fault : null };
  };
}

function contentOf(kind: ReportKind, bytes: Buffer): ReportContent {
  switch (kind) {
    case 'junit': {
      const read = readJUnit(bytes);
      return read.ok ? { kind, tests: read.value } : { kind, fault: read.fault };
    }
    case 'sarif': {
      const read = readSarif(bytes);
      return read.ok ? { kind, found: read.value } : { kind, fault: read.fault };
    }
    case 'coverage': {
      const read = readCoverage(bytes);
      return read.ok ? { kind, coverage: read.value } : { kind, fault: read.fault };
    }
    case 'sbom': {
      const read = readCycloneDx(bytes);
      return read.ok ? { kind, bill: read.value } : { kind, fault: read.fault };
    }
  }
}

function refused(reason: string): TakenReport {
  return { kind: 'refused', reason };
}
