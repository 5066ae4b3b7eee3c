/** Where runs come from, by machine: repositories, runs by hand, schedules, and what webhooks said. */
import { z } from 'zod';
import { Name } from '@airlock/common/wire/scalars';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { nextTime } from '../../app/fire-schedules.ts';
import type {
  DeliveryHistory,
  RepositoryRow,
  RunRequests,
  ScheduleStore,
} from '../../app/source-ports.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import type { createStartRun } from '../../app/start-run.ts';
import { BranchName, RepositoryName } from '../../domain/repository-address.ts';
import { AddBody, addRepository, renewHook, type AddingPorts } from '../adding-repositories.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { pathId, requesterOf } from './shared.ts';

const listLength = 200;

const NameBody = z.strictObject({ name: RepositoryName });
const StartBody = z.strictObject({
  repository: RepositoryName,
  ref: z.string().regex(/^refs\/(heads|tags)\/.{1,200}$/, 'expected refs/heads/… or refs/tags/…'),
  answers: z.record(z.string().max(63), z.string().max(1024)).default({}),
});
const ScheduleBody = z
  .strictObject({
    repository: RepositoryName,
    name: Name,
    pattern: z.string().max(100),
    timeZone: z.string().max(64).default('UTC'),
    branch: BranchName,
    thresholdSeconds: z.int().min(0).max(31_536_000).default(0),
  })
  .refine(({ pattern, timeZone }) => nextTime(pattern, timeZone, new Date()) !== null, {
    path: ['pattern'],
    message: 'expected five fields such as 30 2 * * 1-5, and a time zone such as Europe/Berlin',
  });
const EraseBody = z.strictObject({ repository: RepositoryName, name: Name });

export interface SourcePorts extends AddingPorts {
  readonly sight: SightStore;
  /** Names of the pools that this repository's runs may go to; of null, of one that is not there yet. */
  poolsOf(repository: string | null): Promise<readonly string[]>;
  readonly requests: RunRequests;
  readonly startRun: ReturnType<typeof createStartRun>;
  readonly schedules: ScheduleStore;
  readonly history: DeliveryHistory;
}

export function sourceRoutes(ports: SourcePorts): Route[] {
  const { repositories, requests, schedules, history, sight } = ports;

  const find = async (name: string): Promise<RepositoryRow> => {
    const row = await repositories.find(name);
    if (row === null) throw new HttpError('not-found', `There is no repository ${name} here.`);
    return row;
  };

  return [
    route({
      name: 'list-repositories',
      method: 'get',
      path: '/api/v1/repositories',
      access: 'signed-in',
      scope: 'read',
      summary: 'Repositories that are built here.',
      async handle(_request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const all = await repositories.list();
        const seen = all.filter(({ name }) => !hidden.includes(name));
        response.json({ repositories: seen.map(repositoryJson) });
      },
    }),
    route({
      name: 'add-repository',
      method: 'post',
      path: '/api/v1/repositories',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Adding a repository',
      body: AddBody,
      async handle(_request, response, context, body) {
        const { row, webhook } = await addRepository(ports, body, requesterOf(context).id);
        response.status(201).json({
          ...repositoryJson(row),
          webhook,
          pools: await ports.poolsOf(row.name),
        });
      },
    }),
    route({
      name: 'renew-webhook',
      method: 'post',
      path: '/api/v1/repository-hooks',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Renewing a webhook’s secret',
      body: NameBody,
      async handle(_request, response, _context, { name }) {
        response.json({ name, webhook: await renewHook(ports, await find(name)) });
      },
    }),
    route({
      name: 'start-run',
      method: 'post',
      path: '/api/v1/runs',
      access: 'role:developer',
      scope: 'run',
      summary: 'Starting a run',
      body: StartBody,
      async handle(_request, response, context, body) {
        const answer = await ports.startRun(body, requesterOf(context).id);
        if (answer.kind === 'not-found') throw new HttpError('not-found', answer.why);
        if (answer.kind === 'refused') throw new HttpError('refused', answer.reasons.join('\n'));
        const { id, commit } = answer;
        response.status(202).json({ id, commit, page: `/runs/${id}` });
      },
    }),
    route({
      name: 'read-run-request',
      method: 'get',
      path: '/api/v1/run-requests/:id',
      access: 'signed-in',
      scope: 'read',
      summary: 'What became of a run that was asked for.',
      async handle(request, response) {
        const id = pathId(request, 'run');
        const found = await requests.outcome(id);
        if (found === null) throw new HttpError('not-found', 'Nobody asked for a run of that id.');
        response.json({ id, ...found, createdAt: found.createdAt.toISOString() });
      },
    }),
    route({
      name: 'list-schedules',
      method: 'get',
      path: '/api/v1/schedules',
      access: 'signed-in',
      scope: 'read',
      summary: 'Runs by the clock.',
      async handle(_request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const all = await schedules.list();
        const seen = all.filter(({ repository }) => !hidden.includes(repository));
        response.json({
          schedules: seen.map((each) => ({
            ...{ repository: each.repository, name: each.name, pattern: each.pattern },
            ...{ timeZone: each.timeZone, branch: each.branch, setBy: each.setBy },
            thresholdSeconds: each.thresholdSeconds,
            lastOutcome: each.lastOutcome,
            next: nextTime(each.pattern, each.timeZone, new Date())?.toISOString() ?? null,
          })),
        });
      },
    }),
    route({
      name: 'set-schedule',
      method: 'post',
      path: '/api/v1/schedules',
      access: 'role:developer',
      scope: 'run',
      summary: 'Setting a schedule',
      body: ScheduleBody,
      async handle(_request, response, context, body) {
        await find(body.repository);
        await schedules.set(body, requesterOf(context).id);
        const next = nextTime(body.pattern, body.timeZone, new Date());
        response.json({ ...body, next: next?.toISOString() ?? null });
      },
    }),
    route({
      name: 'erase-schedule',
      method: 'post',
      path: '/api/v1/schedules/erase',
      access: 'role:developer',
      scope: 'run',
      summary: 'Erasing a schedule',
      body: EraseBody,
      async handle(_request, response, _context, { repository, name }) {
        if (!(await schedules.erase(repository, name))) {
          throw new HttpError('not-found', `${repository} has no schedule ${name}.`);
        }
        response.json({ repository, name, erased: true });
      },
    }),
    route({
      name: 'list-webhooks',
      method: 'get',
      path: '/api/v1/webhooks',
      access: 'signed-in',
      scope: 'read',
      summary: 'What webhooks said, and what was refused of them.',
      async handle(_request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const isSeen = ({ repository }: { readonly repository: string | null }): boolean =>
          repository === null || !hidden.includes(repository);
        const deliveries = (await history.deliveries(listLength)).filter(isSeen);
        const refusals = (await history.refusals(listLength)).filter(isSeen);
        response.json({
          deliveries: deliveries.map((each) => ({
            ...each,
            receivedAt: each.receivedAt.toISOString(),
          })),
          refusals: refusals.map((each) => ({ ...each, lastAt: each.lastAt.toISOString() })),
        });
      },
    }),
  ];
}

/** Without the address that it is fetched from, which may name an account. */
function repositoryJson(row: RepositoryRow) {
  return {
    ...{ name: row.name, url: row.url, provider: row.provider, mainBranch: row.mainBranch },
    ...{ protectedRefs: row.protectedRefs, branches: row.branches, addedBy: row.addedBy },
    signed: row.configured,
    ...{ private: row.isPrivate, labels: row.labels },
    lookedAt: row.lookedAt?.toISOString() ?? null,
    failing: row.failing,
  };
}
