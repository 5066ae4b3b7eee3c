/** Which builds may read a secret: shown to everybody, changed by the platform role. */
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import type { Request } from 'express';
import type { SecretStore } from '../../app/secret-ports.ts';
import { SecretFilters } from '../../domain/secret-filter.ts';
import type { SecretKeeping } from '../../secret-keeping.ts';
import { secretJson, secretReadJson } from '../json.ts';
import { FiltersForm } from '../secret-bodies.ts';
import { requesterOf } from './shared.ts';

export function secretFilterRoutes({
  keeping,
  project,
  pathName,
  find,
}: {
  /** @throws HttpError where no secrets are kept. */
  readonly keeping: () => SecretKeeping;
  readonly project: string;
  /** @throws HttpError for what is no name of a secret. */
  readonly pathName: (request: Request) => string;
  readonly find: (request: Request, context: RouteContext) => ReturnType<SecretStore['versions']>;
}): Route[] {
  const change = async (
    request: Request,
    filters: SecretFilters,
    person: string,
  ): Promise<string> => {
    const name = pathName(request);
    if (await keeping().manage.setFilters(project, name, filters, person)) return name;
    throw new HttpError('not-found', 'There is no secret of that name.');
  };
  return [
    route({
      name: 'set-secret-filters-by-form',
      method: 'post',
      path: '/secrets/:name/filters',
      access: 'role:platform',
      summary: 'Saying which builds may read a secret',
      body: FiltersForm,
      async handle(request, response, context, body) {
        const name = await change(request, body, requesterOf(context).id);
        response.redirect(303, `/secrets/${name}`);
      },
    }),
    route({
      name: 'set-secret-filters',
      method: 'post',
      path: '/api/v1/secrets/:name/filters',
      access: 'role:platform',
      summary: 'Saying which builds may read a secret',
      body: SecretFilters,
      async handle(request, response, context, body) {
        const name = await change(request, body, requesterOf(context).id);
        response.json({ project, name, filters: body });
      },
    }),
    route({
      name: 'get-secret',
      method: 'get',
      path: '/api/v1/secrets/:name',
      access: 'signed-in',
      summary: 'One secret: who set it when, which builds may read it, and which did.',
      async handle(request, response, context) {
        const found = await find(request, context);
        if (found === null) throw new HttpError('not-found', 'There is no secret of that name.');
        response.json({
          project,
          secret: secretJson(found.secret),
          reads: found.reads.map(secretReadJson),
        });
      },
    }),
  ];
}
