/** A run's logs: lines as they are wanted or as they come, search, the first failing line, the whole as a file, holds. */
import type { Request, Response } from 'express';
import { z } from 'zod';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { openEventStream } from '@airlock/web/sse';
import type { LogPolicyStore, LogReader } from '../../app/log-ports.ts';
import type { PageQueries, RunDetails } from '../../app/page-queries.ts';
import type { Events } from '../../events.ts';
import { chooseLog, failedStep, logQuery, type ChosenLog } from '../log-choice.ts';
import { createLiveLogs } from '../live-logs.ts';
import { failingLine, searchLog, shownLine } from '../log-text.ts';
import { plainText } from '../views/ansi.ts';
import { pathId, requesterOf } from './shared.ts';

const maxLines = 1_000;
const contextLines = 6;

export interface LogPagePorts {
  readonly queries: Pick<PageQueries, 'run' | 'jobs'>;
  readonly logs: { readonly reader: LogReader; readonly policies: LogPolicyStore };
  readonly events: Events;
}

const HoldBody = z.strictObject({ reason: z.string().trim().min(1).max(1000) });

export function logRoutes({ queries, logs, events }: LogPagePorts): Route[] {
  const { reader, policies } = logs;
  const live = createLiveLogs(reader, (error) => {
    events.logNotShown(error);
  });

  const find = async (request: Request): Promise<RunDetails> => {
    const run = await queries.run(pathId(request, 'run'));
    if (run === null) throw new HttpError('not-found', 'There is no run of that id.');
    return run;
  };
  const choose = async (request: Request): Promise<ChosenLog> => {
    // A page that follows a log asks many times a second: the run itself is not read for it.
    const jobs = await queries.jobs(pathId(request, 'run'));
    const log = chooseLog({ jobs }, request.query);
    if (log === null)
      throw new HttpError(
        'not-found',
        'There is no run of that id with a step that could have a log.',
      );
    return log;
  };

  return [
    route({
      name: 'follow-log',
      method: 'get',
      path: '/runs/:id/lines',
      access: 'signed-in',
      summary: 'The end of a log as it grows.',
      async handle(request, response) {
        const { name, job } = await choose(request);
        const stream = openEventStream(request, response);
        const after = positive(stream.lastEventId ?? request.query['after'], 0);
        const mayGrow = job.state === 'leased' && job.lease === name.lease;
        await live.follow(name, stream, { after, mayGrow });
      },
    }),
    route({
      name: 'read-lines',
      method: 'get',
      path: '/api/v1/runs/:id/lines',
      access: 'signed-in',
      scope: 'read',
      summary: 'Lines of a log by number: from, count (at most 1000), job, step, lease.',
      async handle(request, response) {
        const { name } = await choose(request);
        const from = positive(request.query['from'], 1);
        const count = Math.min(maxLines, positive(request.query['count'], 200));
        const size = await reader.size(name);
        const lines = await reader.lines(name, from, count);
        response.json({
          ...{ total: size?.lines ?? 0, isOpen: size?.isOpen ?? false },
          lines: lines.map(shownLine),
        });
      },
    }),
    route({
      name: 'search-log',
      method: 'get',
      path: '/api/v1/runs/:id/search',
      access: 'signed-in',
      scope: 'read',
      summary: 'Numbers of the lines that hold q; goes on at from where a search was cut.',
      async handle(request, response) {
        const { name } = await choose(request);
        const text = request.query['q'];
        if (typeof text !== 'string' || text === '' || text.length > 500) {
          throw new HttpError(
            'request-malformed',
            'q is the text to look for, 1 to 500 characters.',
          );
        }
        const from = positive(request.query['from'], 1);
        const isWanted = (): boolean => !response.destroyed;
        response.json(await searchLog(reader, name, { text, from, isWanted }));
      },
    }),
    route({
      name: 'read-failure',
      method: 'get',
      path: '/api/v1/runs/:id/failure',
      access: 'signed-in',
      scope: 'read',
      summary: 'The first failing line of a run, with the lines before it.',
      async handle(request, response) {
        const run = await find(request);
        const log = failedStep(run);
        if (log === null) throw new HttpError('not-found', 'No step of this run has failed.');
        const line = await failingLine(reader, log.name);
        const from = Math.max(1, (line?.n ?? 1) - contextLines);
        const context = line === null ? [] : await reader.lines(log.name, from, line.n - from);
        response.json({
          job: log.job.id,
          workflow: log.job.title,
          step: log.step.name,
          state: log.step.state,
          exitCode: log.step.exitCode,
          line,
          before: context.map(({ n, text }) => ({ n, text: plainText(text) })),
          page: `/runs/${run.id}?${logQuery(log)}#first-failure`,
        });
      },
    }),
    route({
      name: 'read-log',
      method: 'get',
      path: '/runs/:id/log.txt',
      access: 'signed-in',
      scope: 'read',
      summary: 'The log of a step as it was kept, as a file.',
      async handle(request, response) {
        const { name, job } = await choose(request);
        const file = `${job.title}-${name.step}-${job.id}.log`.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
        response.type('text/plain; charset=utf-8');
        response.setHeader('content-disposition', `attachment; filename="${file}"`);
        response.setHeader('x-content-type-options', 'nosniff');
        for await (const piece of reader.raw(name)) {
          if (response.destroyed) return;
          // The reader uses its piece again for the next one.
          if (!response.write(Buffer.from(piece))) await drained(response);
        }
        response.end();
      },
    }),
    route({
      name: 'hold-logs',
      method: 'post',
      path: '/runs/:id/log-hold',
      access: 'role:platform',
      summary: 'Keeping the logs of a run',
      body: HoldBody,
      async handle(request, response, context, { reason }) {
        const { id } = await find(request);
        const placedBy = requesterOf(context).id;
        await policies.place(id, { reason, placedBy });
        events.logHeld(id, placedBy, true);
        response.redirect(303, `/runs/${id}#log`);
      },
    }),
    route({
      name: 'lift-log-hold',
      method: 'post',
      path: '/runs/:id/log-hold/lift',
      access: 'role:platform',
      summary: 'Letting the logs of a run go',
      async handle(request, response, context) {
        const { id } = await find(request);
        await policies.lift(id);
        events.logHeld(id, requesterOf(context).id, false);
        response.redirect(303, `/runs/${id}#log`);
      },
    }),
  ];
}

export function positive(value: unknown, otherwise: number): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : otherwise;
}

async function drained(response: Response): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
