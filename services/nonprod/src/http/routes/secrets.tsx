/** The secrets of a project's builds: names for everybody, values for nobody, changes for the platform role. */
import { EnvelopeError } from '@airlock/envelope/envelope-error';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { SetAnswer } from '../../app/manage-secrets.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import type { SecretStore } from '../../app/secret-ports.ts';
import { SecretName } from '@airlock/common/wire/secret-handout';
import type { SecretKeeping } from '../../secret-keeping.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { secretJson } from '../json.ts';
import { SetBody, SetForm, type SetWish } from '../secret-bodies.ts';
import { secretFilterRoutes } from './secret-filters.tsx';
import { SecretListPage } from '../views/secret-list.tsx';
import { SecretPage } from '../views/secret-page.tsx';
import { requesterOf } from './shared.ts';

const ProjectBody = z.strictObject({ project: z.string().max(200) });

export interface SecretPorts {
  /** Null where none are kept. */
  readonly keeping: SecretKeeping | null;
  readonly project: string;
}

/** @param sight whose runs are told as readers: labels give a secret to other repositories, too. */
export function secretRoutes(
  { keeping, project }: SecretPorts,
  sight: Pick<SightStore, 'hiddenFrom'>,
): Route[] {
  const kept = (): SecretKeeping => {
    if (keeping !== null) return keeping;
    throw new HttpError(
      'refused',
      'This installation keeps no secrets; whoever looks after it names a keeper under `secrets` in the configuration of nonprod-web.',
    );
  };
  const find = async (
    request: Request,
    context: RouteContext,
  ): ReturnType<SecretStore['versions']> =>
    kept().secrets.versions(project, pathName(request), await hiddenFrom(sight, context));

  const set = async (wish: SetWish, person: string): Promise<number> =>
    versionOf(await answering(() => kept().manage.set({ ...wish, project, person })));
  const erase = async (request: Request, person: string): Promise<void> => {
    if (await kept().manage.erase(project, pathName(request), person)) return;
    throw new HttpError('not-found', 'There is no such secret (any more).');
  };
  const rotate = async (person: string): Promise<void> => {
    if (await answering(() => kept().manage.rotate(project, person))) return;
    throw new HttpError('conflict', 'There is no key yet; it is made with the first secret.');
  };
  const eraseAll = async (named: string, person: string): Promise<number> => {
    if (named === project) return kept().manage.eraseProject(project, person);
    throw new HttpError('refused', `Nothing was erased: that is not the name ${project}.`);
  };

  return [
    route({
      name: 'show-secrets',
      method: 'get',
      path: '/secrets',
      access: 'signed-in',
      summary: 'Names of the secrets that are kept for builds.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const secrets =
          (await keeping?.secrets.list(project, await hiddenFrom(sight, context))) ?? [];
        const key = (await keeping?.projectKeys.active(project)) ?? null;
        const keeper = keeping?.keeper ?? null;
        const now = new Date();
        sendPage(response, SecretListPage({ frame, project, secrets, key, keeper, now }));
      },
    }),
    route({
      name: 'show-secret',
      method: 'get',
      path: '/secrets/:name',
      access: 'signed-in',
      summary: 'Who set one secret when.',
      async handle(request, response, context) {
        const found = await find(request, context);
        if (found === null) throw new HttpError('not-found', 'There is no secret of that name.');
        const frame = await frameOf(request, context);
        sendPage(response, SecretPage({ frame, ...found, now: new Date() }));
      },
    }),
    ...secretFilterRoutes({ keeping: kept, project, pathName, find }),
    route({
      name: 'set-secret-by-form',
      method: 'post',
      path: '/secrets',
      access: 'role:platform',
      summary: 'Setting a secret',
      body: SetForm,
      async handle(_request, response, context, body) {
        await set(body, requesterOf(context).id);
        response.redirect(303, `/secrets/${body.name}`);
      },
    }),
    route({
      name: 'erase-secret-by-form',
      method: 'post',
      path: '/secrets/:name/erase',
      access: 'role:platform',
      summary: 'Erasing a secret',
      async handle(request, response, context) {
        await erase(request, requesterOf(context).id);
        response.redirect(303, '/secrets');
      },
    }),
    route({
      name: 'rotate-project-key-by-form',
      method: 'post',
      path: '/secrets/key/rotate',
      access: 'role:platform',
      summary: 'Rotating the project’s key',
      async handle(_request, response, context) {
        await rotate(requesterOf(context).id);
        response.redirect(303, '/secrets');
      },
    }),
    route({
      name: 'erase-project-by-form',
      method: 'post',
      path: '/secrets/all/erase-all',
      access: 'role:platform',
      summary: 'Erasing every secret of a project',
      body: ProjectBody,
      async handle(_request, response, context, body) {
        await eraseAll(body.project, requesterOf(context).id);
        response.redirect(303, '/secrets');
      },
    }),
    route({
      name: 'list-secrets',
      method: 'get',
      path: '/api/v1/secrets',
      access: 'signed-in',
      scope: 'read',
      summary: 'Names of the secrets that are kept for builds.',
      async handle(_request, response, context) {
        const secrets = await kept().secrets.list(project, await hiddenFrom(sight, context));
        response.json({ project, secrets: secrets.map(secretJson) });
      },
    }),
    route({
      name: 'set-secret',
      method: 'post',
      path: '/api/v1/secrets',
      access: 'role:platform',
      scope: 'secrets',
      summary: 'Setting a secret',
      body: SetBody,
      async handle(_request, response, context, body) {
        const version = await set(body, requesterOf(context).id);
        response.status(201).json({ project, name: body.name, version });
      },
    }),
    route({
      name: 'erase-secret',
      method: 'post',
      path: '/api/v1/secrets/:name/erase',
      access: 'role:platform',
      scope: 'secrets',
      summary: 'Erasing a secret',
      async handle(request, response, context) {
        await erase(request, requesterOf(context).id);
        response.json({ project, name: pathName(request), erased: true });
      },
    }),
    route({
      name: 'rotate-project-key',
      method: 'post',
      path: '/api/v1/secret-key/rotate',
      access: 'role:platform',
      summary: 'Rotating the project’s key',
      async handle(_request, response, context) {
        await rotate(requesterOf(context).id);
        response.json({ project, rotated: true });
      },
    }),
    route({
      name: 'erase-project',
      method: 'post',
      path: '/api/v1/secret-key/erase',
      access: 'role:platform',
      summary: 'Erasing every secret of a project',
      body: ProjectBody,
      async handle(_request, response, context, body) {
        response.json({ project, erased: await eraseAll(body.project, requesterOf(context).id) });
      },
    }),
  ];
}

/** What is no name of a secret names nothing. */
function pathName(request: Request): string {
  const name = SecretName.safeParse(request.params['name']);
  if (name.success) return name.data;
  throw new HttpError('not-found', 'There is no secret of that name.');
}

function versionOf(answer: SetAnswer): number {
  switch (answer.kind) {
    case 'set':
      return answer.version;
    case 'too-many':
      throw new HttpError(
        'refused',
        'As many secrets are kept here as can be; erase one that no build needs.',
      );
    case 'busy':
      throw new HttpError('conflict', 'Others are setting this secret right now; set it again.');
  }
}

/** A keeper that is away is nobody's fault who asked. */
async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause;
    throw new HttpError(
      'dependency-unavailable',
      'The keeper of the key under which secrets lie did not answer; nothing was changed. Its address and what it said stand in the log of nonprod-web.',
      { cause },
    );
  }
}
