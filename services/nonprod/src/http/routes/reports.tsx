/** What tests, scanners and package managers wrote in a run. */
import type { Request } from 'express';
import { HttpError } from '@airlock/web/problem';
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { PageQueries, RunDetails } from '../../app/page-queries.ts';
import type { ReportQueries } from '../../app/report-ports.ts';
import { FindingsPage } from '../views/findings-page.tsx';
import { TestsPage } from '../views/tests-page.tsx';
import { pathId } from './shared.ts';

/** Entries of one answer. */
const mostEntries = 2_000;

export interface ReportPagePorts {
  readonly queries: Pick<PageQueries, 'run'>;
  readonly reports: ReportQueries;
  readonly mainBranch: string;
}

export function reportRoutes({ queries, reports, mainBranch }: ReportPagePorts): Route[] {
  const find = async (request: Request): Promise<RunDetails> => {
    const run = await queries.run(pathId(request, 'run'));
    if (run === null) throw new HttpError('not-found', 'There is no run of that id.');
    return run;
  };
  const read = async (runId: string) => {
    const [files, findings, coverage, components] = await Promise.all([
      reports.files(runId),
      reports.findings(runId, mostEntries),
      reports.coverage(runId, `refs/heads/${mainBranch}`, mostEntries),
      reports.components(runId, mostEntries),
    ]);
    return { files, findings, coverage, components };
  };
  return [
    route({
      name: 'show-tests',
      method: 'get',
      path: '/runs/:id/tests',
      access: 'signed-in',
      summary: 'What the tests of a run said, failed ones first.',
      async handle(request, response, context) {
        const run = await find(request);
        const [files, found] = await Promise.all([
          reports.files(run.id),
          reports.tests(run.id, mostEntries),
        ]);
        const frame = await frameOf(request, context);
        sendPage(response, TestsPage({ frame, run, files, found }));
      },
    }),
    route({
      name: 'read-tests',
      method: 'get',
      path: '/api/v1/runs/:id/tests',
      access: 'signed-in',
      scope: 'read',
      summary: 'What the tests of a run said, failed ones first; at most 2000 of them.',
      async handle(request, response) {
        const run = await find(request);
        const [files, found] = await Promise.all([
          reports.files(run.id),
          reports.tests(run.id, mostEntries),
        ]);
        response.json({ ...found, files: files.filter(({ kind }) => kind === 'junit') });
      },
    }),
    route({
      name: 'show-findings',
      method: 'get',
      path: '/runs/:id/findings',
      access: 'signed-in',
      summary:
        'What scanners found in a run, its coverage beside that of main, and of what its artifact is made.',
      async handle(request, response, context) {
        const run = await find(request);
        const found = await read(run.id);
        const frame = await frameOf(request, context);
        sendPage(response, FindingsPage({ frame, run, ...found }));
      },
    }),
    route({
      name: 'read-findings',
      method: 'get',
      path: '/api/v1/runs/:id/findings',
      access: 'signed-in',
      scope: 'read',
      summary: 'Findings, coverage and components of a run; at most 2000 of each.',
      async handle(request, response) {
        const { files, ...found } = await read((await find(request)).id);
        response.json({ ...found, files: files.filter(({ kind }) => kind !== 'junit') });
      },
    }),
  ];
}
