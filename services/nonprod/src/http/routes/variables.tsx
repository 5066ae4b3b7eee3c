/** Variables that everybody who signs in may read: those for all repositories, and those of one. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { createSetVariable } from '../../app/manage-variables.ts';
import type { KeptVariable, VariableStore } from '../../app/variable-ports.ts';
import {
  everyRepository,
  explainVariables,
  scopeWords,
  type VariableLayers,
} from '../../domain/variable.ts';
import { refuseUnset, VariableBody, VariableName } from '../variable-bodies.ts';
import { VariableListPage } from '../views/variable-list.tsx';
import { requesterOf } from './shared.ts';

const Repository = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/);
const OwnBody = VariableBody.extend({ repository: Repository });
const OwnName = VariableName.extend({ repository: Repository });

export interface VariableRoutePorts {
  readonly variables: VariableStore;
  readonly setVariable: ReturnType<typeof createSetVariable>;
  /** The repository whose builds of main are signed, and given none of these. */
  readonly signed: string;
}

export function variableRoutes({ variables, setVariable, signed }: VariableRoutePorts): Route[] {
  /** @throws HttpError when it is not kept, with what to do. */
  async function set(
    scope: string,
    wish: z.infer<typeof VariableBody>,
    context: RouteContext,
  ): Promise<void> {
    const { name, value, publicBecause } = wish;
    const answer = await setVariable(
      { scope, name, value, publicBecause },
      requesterOf(context).id,
    );
    if (answer.kind === 'no-repository') throw none(scope);
    refuseUnset(answer, name);
  }

  async function remove(scope: string, name: string, context: RouteContext): Promise<void> {
    if (await variables.remove({ scope, name }, requesterOf(context).id)) return;
    throw new HttpError('not-found', `There is no variable ${name} ${scopeWords(scope)}.`);
  }

  /** @throws HttpError `request-malformed`, `not-found`. */
  async function found(request: Request): Promise<{
    readonly repository: string | null;
    readonly layers: VariableLayers<KeptVariable>;
  }> {
    const named = Repository.optional().safeParse(request.query['repository']);
    if (!named.success) {
      throw new HttpError('request-malformed', 'repository: a name such as shop/web.');
    }
    const repository = named.data ?? null;
    if (repository === null) {
      const layers = { scopes: [everyRepository], all: await variables.global() };
      return { repository, layers };
    }
    const layers = await variables.of(repository);
    if (layers === null) throw none(repository);
    return { repository, layers };
  }

  const none = (name: string): HttpError =>
    new HttpError('not-found', `There is no repository ${name}.`);
  const pageOf = (repository: string): string =>
    `/variables?repository=${encodeURIComponent(repository)}`;

  return [
    route({
      name: 'show-variables',
      method: 'get',
      path: '/variables',
      access: 'signed-in',
      summary: 'Variables for all repositories, or those that one is given',
      async handle(request, response, context) {
        const [frame, { repository, layers }] = await Promise.all([
          frameOf(request, context),
          found(request),
        ]);
        const rows = explainVariables(layers);
        const isSigned = repository === null || repository === signed;
        sendPage(
          response,
          VariableListPage({ frame, repository, rows, signed: isSigned ? signed : null }),
        );
      },
    }),
    route({
      name: 'list-variables',
      method: 'get',
      path: '/api/v1/variables',
      access: 'signed-in',
      scope: 'read',
      summary:
        'Variables for all repositories, or those that one is given and where each comes from',
      async handle(request, response) {
        const { repository, layers } = await found(request);
        response.json({
          repository,
          variables: explainVariables(layers).map(({ set: { setAt, ...kept }, hides }) => ({
            ...kept,
            setAt: setAt.toISOString(),
            hides: hides?.value ?? null,
            hidesScope: hides?.scope ?? null,
          })),
        });
      },
    }),
    route({
      name: 'set-variable',
      method: 'put',
      path: '/api/v1/variables',
      access: 'role:developer',
      scope: 'admin',
      summary: 'Setting a variable of a repository',
      body: OwnBody,
      async handle(_request, response, context, { repository, ...wish }) {
        await set(repository, wish, context);
        response.json({ repository, name: wish.name });
      },
    }),
    route({
      name: 'remove-variable',
      method: 'post',
      path: '/api/v1/variables/remove',
      access: 'role:developer',
      scope: 'admin',
      summary: 'Removing a variable of a repository',
      body: OwnName,
      async handle(_request, response, context, { repository, name }) {
        await remove(repository, name, context);
        response.json({ repository, name });
      },
    }),
    route({
      name: 'set-variable-by-form',
      method: 'post',
      path: '/variables',
      access: 'role:developer',
      summary: 'Setting a variable of a repository',
      body: OwnBody,
      async handle(_request, response, context, { repository, ...wish }) {
        await set(repository, wish, context);
        response.redirect(303, pageOf(repository));
      },
    }),
    route({
      name: 'remove-variable-by-form',
      method: 'post',
      path: '/variables/remove',
      access: 'role:developer',
      summary: 'Removing a variable of a repository',
      body: OwnName,
      async handle(_request, response, context, { repository, name }) {
        await remove(repository, name, context);
        response.redirect(303, pageOf(repository));
      },
    }),
    route({
      name: 'set-global-variable',
      method: 'put',
      path: '/api/v1/global-variables',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Setting a variable for all repositories',
      body: VariableBody,
      async handle(_request, response, context, wish) {
        await set(everyRepository, wish, context);
        response.json({ repository: null, name: wish.name });
      },
    }),
    route({
      name: 'remove-global-variable',
      method: 'post',
      path: '/api/v1/global-variables/remove',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Removing a variable for all repositories',
      body: VariableName,
      async handle(_request, response, context, { name }) {
        await remove(everyRepository, name, context);
        response.json({ repository: null, name });
      },
    }),
    route({
      name: 'set-global-variable-by-form',
      method: 'post',
      path: '/global-variables',
      access: 'role:platform',
      summary: 'Setting a variable for all repositories',
      body: VariableBody,
      async handle(_request, response, context, wish) {
        await set(everyRepository, wish, context);
        response.redirect(303, '/variables');
      },
    }),
    route({
      name: 'remove-global-variable-by-form',
      method: 'post',
      path: '/global-variables/remove',
      access: 'role:platform',
      summary: 'Removing a variable for all repositories',
      body: VariableName,
      async handle(_request, response, context, { name }) {
        await remove(everyRepository, name, context);
        response.redirect(303, '/variables');
      },
    }),
  ];
}
