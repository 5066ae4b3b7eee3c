/** Repositories that were found at forges: which there are, and picking one to be built. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import { hostOf } from '../../app/find-repositories.ts';
import type { AddFound, FoundStore, ShownSource } from '../../app/found-ports.ts';
import { foundState, newRepository } from '../../domain/found-repository.ts';
import type { FoundEvents } from '../../found-events.ts';
import { GroupNames } from '../../people-config.ts';
import { FoundPage } from '../views/found-page.tsx';
import { requesterOf } from './shared.ts';

const PickBody = z.strictObject({
  source: z.string().min(1).max(512),
  id: z.string().min(1).max(255),
  owners: GroupNames.default([]),
});

/** One group a line: their names may have spaces. */
const PickForm = z
  .strictObject({ pick: z.string().max(1024), owners: z.string().max(4000) })
  .transform(({ pick, owners }): unknown => {
    const [source, id] = pick.split(' ', 2);
    const lines = owners.split(/\r?\n/).map((line) => line.trim());
    return { source, id, owners: lines.filter((line) => line !== '') };
  })
  .pipe(PickBody);

export interface FoundPorts {
  readonly store: FoundStore & AddFound;
  /** Addresses that repositories may be fetched from; empty: nobody adds any. */
  readonly from: readonly string[];
  readonly events: Pick<FoundEvents, 'repositoryAdded'>;
  onAdded(repository: string): void;
}

export function foundRoutes(ports: FoundPorts): Route[] {
  const { store, from, events } = ports;
  const shown = async (): Promise<ShownSource[]> => {
    const [sources, built] = [await store.sources(), await store.built()];
    return await Promise.all(
      sources
        .filter(({ configured }) => configured)
        .map(async (source) => {
          const found = await store.found(source.name);
          const repositories = found.map((each) => ({ ...each, state: foundState(each, built) }));
          return { ...source, repositories };
        }),
    );
  };

  const pick = async (
    { source: name, id, owners }: z.infer<typeof PickBody>,
    person: string,
  ): Promise<string> => {
    const source = (await shown()).find((each) => each.name === name);
    const found = source?.repositories.find((each) => each.id === id);
    if (source === undefined || found === undefined) {
      throw new HttpError('not-found', `Nothing of that id was found at ${name}.`);
    }
    if (found.repository !== null) {
      throw new HttpError('conflict', `${found.path} is built here as ${found.repository}.`);
    }
    const judged = newRepository(found, owners, { host: hostOf(name), from });
    if ('fault' in judged) throw new HttpError('refused', judged.fault);
    const { add } = judged;
    if (!(await store.add({ source, id }, add, { owners, person }))) {
      const text = `There is a repository ${add.name} or ${add.cloneUrl} already.`;
      throw new HttpError('conflict', text);
    }
    events.repositoryAdded({ source: name, id, repository: add.name }, person);
    ports.onAdded(add.name);
    return add.name;
  };

  const page = async (request: Request, context: RouteContext, problem: string | null) =>
    FoundPage({
      ...{ frame: await frameOf(request, context), sources: await shown(), problem },
      now: new Date(),
    });

  return [
    route({
      name: 'show-found-repositories',
      method: 'get',
      path: '/found',
      access: 'role:platform',
      summary: 'Repositories that were found at forges.',
      async handle(request, response, context) {
        sendPage(response, await page(request, context, null));
      },
    }),
    route({
      name: 'pick-repository-by-form',
      method: 'post',
      path: '/found',
      access: 'role:platform',
      summary: 'Adding a repository that was found',
      body: PickForm,
      async handle(request, response, context, body) {
        try {
          response.redirect(303, `/repos/${await pick(body, requesterOf(context).id)}`);
        } catch (error) {
          if (!(error instanceof HttpError)) throw error;
          sendPage(response, await page(request, context, error.message), 409);
        }
      },
    }),
    route({
      name: 'list-found-repositories',
      method: 'get',
      path: '/api/v1/found-repositories',
      access: 'role:platform',
      scope: 'read',
      summary: 'Repositories that were found at forges.',
      async handle(_request, response) {
        const sources = await shown();
        response.json({
          sources: sources.map(({ name, lookedAt, failing, repositories }) => ({
            ...{ name, failing, lookedAt: lookedAt?.toISOString() ?? null },
            repositories: repositories.map((each) => ({
              ...{ id: each.id, path: each.path, pathWas: each.pathWas, state: each.state },
              ...{ archived: each.archived, private: each.isPrivate },
              ...{ repository: each.repository, notAdded: each.notAdded },
            })),
          })),
        });
      },
    }),
    route({
      name: 'pick-repository',
      method: 'post',
      path: '/api/v1/found-repositories',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Adding a repository that was found',
      body: PickBody,
      async handle(_request, response, context, body) {
        const repository = await pick(body, requesterOf(context).id);
        response.status(201).json({ repository });
      },
    }),
  ];
}
