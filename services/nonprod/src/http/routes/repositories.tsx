/** Pages of repositories: which there are, whose they are, and what one is given that is added. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { PageQueries } from '../../app/page-queries.ts';
import type { GroupStore } from '../../app/people-ports.ts';
import type { RepositoryRow } from '../../app/source-ports.ts';
import type { Events } from '../../events.ts';
import { RepositoryLabel } from '../../domain/labels.ts';
import { RepositoryName } from '../../domain/repository-address.ts';
import {
  AddForm,
  addRepository,
  renewHook,
  webhookAddress,
  wordsOf,
  type WebhookSetup,
} from '../adding-repositories.ts';
import { hiddenFrom, namedRepository } from '../heed-sight.ts';
import { RepositoryListPage } from '../views/repository-list.tsx';
import { RepositoryPage } from '../views/repository-page.tsx';
import { requesterOf } from './shared.ts';
import type { SourcePorts } from './sources.ts';

const runsShown = 20;

const NameForm = z.strictObject({ repository: RepositoryName });
const SightForm = NameForm.extend({ sight: z.enum(['private', 'everyone']) });
const Labels = z
  .array(RepositoryLabel)
  .max(32)
  .transform((labels) => [...new Set(labels)].sort());
const LabelsBody = NameForm.extend({ labels: Labels });
const LabelsForm = NameForm.extend({
  labels: z.string().max(4096).transform(wordsOf).pipe(Labels),
});
const SightBody = NameForm.extend({ private: z.boolean() });

export interface RepositoryPorts {
  readonly sources: SourcePorts;
  readonly queries: Pick<PageQueries, 'runs'>;
  readonly groups: Pick<GroupStore, 'groups'>;
  readonly events: Pick<Events, 'sightSet' | 'labelsSet'>;
}

export function repositoryRoutes({ sources, queries, groups, events }: RepositoryPorts): Route[] {
  const { repositories, sight, schedules } = sources;

  const find = async (name: string | null): Promise<RepositoryRow> => {
    const row = name === null ? null : await repositories.find(name);
    if (row === null) throw new HttpError('not-found', 'There is no repository of that name here.');
    return row;
  };
  const listPage = async (request: Request, context: RouteContext, problem: string | null) => {
    const hidden = await hiddenFrom(sight, context);
    const rows = (await repositories.list()).filter(({ name }) => !hidden.includes(name));
    const [runs, pools] = [await queries.runs(200, { hidden }), await sources.poolsOf(null)];
    return RepositoryListPage({
      ...{ frame: await frameOf(request, context), problem, pools, now: new Date() },
      from: sources.from,
      rows: rows.map((row) => ({
        row,
        newest: runs.find(({ repository }) => repository === row.name) ?? null,
      })),
    });
  };
  const ownPage = async (
    request: Request,
    context: RouteContext,
    row: RepositoryRow,
    made: WebhookSetup | null,
  ) => {
    const runs = await queries.runs(runsShown, { hidden: [], repository: row.name });
    const all = await schedules.list();
    return RepositoryPage({
      ...{ frame: await frameOf(request, context), row, runs, made, now: new Date() },
      groups: (await groups.groups(row.name)) ?? { own: [], launch: [] },
      schedules: all.filter(({ repository }) => repository === row.name),
      pools: await sources.poolsOf(row.name),
      hook: sources.secretOf(row) === null ? null : webhookAddress(sources, row),
    });
  };
  const setSight = async (name: string, isPrivate: boolean, person: string): Promise<void> => {
    const answer = await sight.setPrivate(name, isPrivate);
    if (answer === 'not-found') throw new HttpError('not-found', `There is no repository ${name}.`);
    if (answer === 'ownerless') {
      const text = `${name} belongs to no group, so that nobody could see it any more. Give it owners first: PUT /api/v1/owners, or owners of nonprod-scheduler for the configured one.`;
      throw new HttpError('refused', text);
    }
    events.sightSet(name, isPrivate, person);
  };

  const setLabels = async (
    { repository, labels }: z.output<typeof LabelsBody>,
    person: string,
  ): Promise<void> => {
    if (!(await repositories.setLabels(repository, labels))) {
      throw new HttpError('not-found', `There is no repository ${repository}.`);
    }
    events.labelsSet(repository, labels, person);
  };

  return [
    route({
      name: 'show-repositories',
      method: 'get',
      path: '/repos',
      access: 'signed-in',
      summary: 'Repositories that are built here.',
      async handle(request, response, context) {
        sendPage(response, await listPage(request, context, null));
      },
    }),
    route({
      name: 'show-repository',
      method: 'get',
      path: '/repos/*repository',
      access: 'signed-in',
      summary: 'One repository: whose it is, what runs it and what ran.',
      async handle(request, response, context) {
        const row = await find(namedRepository(request));
        sendPage(response, await ownPage(request, context, row, null));
      },
    }),
    route({
      name: 'add-repository-by-form',
      method: 'post',
      path: '/repos',
      access: 'role:platform',
      summary: 'Adding a repository',
      body: AddForm,
      async handle(request, response, context, body) {
        try {
          const { row, webhook } = await addRepository(sources, body, requesterOf(context).id);
          // Answered by the page itself: a redirect would have to carry the secret along.
          sendPage(response, await ownPage(request, context, row, webhook), 201);
        } catch (error) {
          if (!(error instanceof HttpError)) throw error;
          sendPage(response, await listPage(request, context, error.message), 409);
        }
      },
    }),
    route({
      name: 'renew-webhook-by-form',
      method: 'post',
      path: '/repository-hooks',
      access: 'role:platform',
      summary: 'Renewing a webhook’s secret',
      body: NameForm,
      async handle(request, response, context, { repository }) {
        const made = await renewHook(sources, await find(repository));
        sendPage(response, await ownPage(request, context, await find(repository), made));
      },
    }),
    route({
      name: 'set-sight-by-form',
      method: 'post',
      path: '/repository-sight',
      access: 'role:developer',
      summary: 'Saying who sees a repository',
      body: SightForm,
      async handle(_request, response, context, { repository, sight: wanted }) {
        await setSight(repository, wanted === 'private', requesterOf(context).id);
        response.redirect(303, `/repos/${repository}`);
      },
    }),
    route({
      name: 'set-labels-by-form',
      method: 'post',
      path: '/repository-labels',
      access: 'role:platform',
      summary: 'Labelling a repository',
      body: LabelsForm,
      async handle(_request, response, context, body) {
        await setLabels(body, requesterOf(context).id);
        response.redirect(303, `/repos/${body.repository}`);
      },
    }),
    route({
      name: 'set-labels',
      method: 'put',
      path: '/api/v1/repository-labels',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Labelling a repository',
      body: LabelsBody,
      async handle(_request, response, context, body) {
        await setLabels(body, requesterOf(context).id);
        response.json(body);
      },
    }),
    route({
      name: 'set-sight',
      method: 'put',
      path: '/api/v1/repository-sight',
      access: 'role:developer',
      scope: 'admin',
      summary: 'Saying who sees a repository',
      body: SightBody,
      async handle(_request, response, context, { repository, private: isPrivate }) {
        await setSight(repository, isPrivate, requesterOf(context).id);
        response.json({ repository, private: isPrivate });
      },
    }),
  ];
}
