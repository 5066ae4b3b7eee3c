/** What tests, scanners and package managers wrote in a run. */
import type { Request } from 'express';
import { HttpError } from '@airlock/web/problem';
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { PageQueries, RunDetails } from '../../app/page-queries.ts';
import type { ReportQueries } from '../../app/report-ports.ts';
import { TestsPage } from '../views/tests-page.tsx';
import { pathId } from './shared.ts';

/** Tests of one answer; failed ones come first. */
const mostTests = 2_000;

export interface ReportPagePorts {
  readonly queries: Pick<PageQueries, 'run'>;
  readonly reports: ReportQueries;
}

export function reportRoutes({ queries, reports }: ReportPagePorts): Route[] {
  const find = async (request: Request): Promise<RunDetails> => {
    const run = await queries.run(pathId(request, 'run'));
    if (run === null) throw new HttpError('not-found', 'There is no run of that id.');
    return run;
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
          reports.tests(run.id, mostTests),
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
          reports.tests(run.id, mostTests),
        ]);
        response.json({ ...found, files });
      },
    }),
  ];
}
