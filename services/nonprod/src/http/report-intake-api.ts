/** Reports of builds as runners send them; the wire format is in `@airlock/common/wire/reports`. */
import { maxReportFileBytes, ReportKind, type ReportAnswer } from '@airlock/common/wire/reports';
import { Sha256Hex } from '@airlock/common/wire/scalars';
import { MachineError, readBytes, type MachineRoute } from '@airlock/process/machine-server';
import type { TakeReport } from '../app/take-report.ts';
import { leaseLost, namedJob, queryLease } from './runner-api.ts';

export function reportIntakeRoutes(takeReport: TakeReport): MachineRoute[] {
  return [
    {
      method: 'PUT',
      path: '/v1/jobs/:jobId/reports',
      async handle(call) {
        const kind = ReportKind.safeParse(call.query.get('kind'));
        const digest = Sha256Hex.safeParse(call.query.get('sha256'));
        const path = call.query.get('path') ?? '';
        if (!kind.success || !digest.success || !isPath(path)) {
          throw new MachineError(
            'request-malformed',
            'kind, path and sha256 are needed in the query',
          );
        }
        const proof = { ...namedJob(call), lease: queryLease(call) };
        const bytes = await readBytes(call.request, maxReportFileBytes);
        const sent = { kind: kind.data, digest: digest.data, path, bytes };
        const taken = await takeReport(proof, sent);
        if (taken.kind === 'lease-lost') throw leaseLost();
        if (taken.kind === 'refused') throw new MachineError('request-malformed', taken.reason);
        return { status: 201, json: { fault: taken.fault } satisfies ReportAnswer };
      },
    },
  ];
}

function isPath(text: string): boolean {
  const parts = text.split('/');
  return (
    text.length <= 1024 &&
    text.isWellFormed() &&
    !/\p{Cc}/u.test(text) &&
    !parts.includes('') &&
    !parts.includes('..')
  );
}
