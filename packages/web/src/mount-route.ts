/** Puts a route of the table before express: who may, forged or not, parsed, taken down, answered. */
import express, { type Request, type Response } from 'express';
import { writeDown } from './acts.ts';
import { HttpError } from './problem.ts';
import { contextOf, localsOf } from './request-locals.ts';
import type { Route, Viewer } from './route.ts';
import type { WebServerOptions } from './server-options.ts';
import {
  csrfTokenMatches,
  findSession,
  hashOf,
  sessionLimits,
  type OpenSession,
} from './session.ts';
import { setStreamReader } from './sse.ts';

const maxBodyBytes = 256 * 1024;

/** Whether a route lets this viewer in; null is somebody who is signed in and unknown here. */
function admits(route: Route, viewer: Viewer | null): boolean {
  if (route.access === 'public') return true;
  if (viewer === null) return false;
  return route.access === 'signed-in' || viewer.roles.includes(roleOf(route.access));
}

const roleOf = (access: `role:${string}`): string => access.slice('role:'.length);

function authorise(route: Route, response: Response, groupForRole: (role: string) => string): void {
  const { viewer, session, scopes } = localsOf(response);
  if (scopes !== null && (route.scope === undefined || !scopes.includes(route.scope))) {
    throw new HttpError(
      'scope-missing',
      route.scope === undefined
        ? `${route.summary} is for people alone: sign in with a browser.`
        : `${route.summary} takes a token with the scope ${route.scope}; this one has ${scopes.join(', ')}.`,
    );
  }
  if (admits(route, viewer)) return;
  if (viewer === null) {
    throw new HttpError(
      'group-missing',
      `${session?.identity.nameId ?? ''} is signed in, and nobody of that name is known here. Whoever looks after this service's list of people adds you; then sign in again.`,
    );
  }
  // What is left is a role: the other kinds of access admit every viewer.
  const role = roleOf(route.access as `role:${string}`);
  if (viewer.mayTakeUp?.includes(role) === true) {
    throw new HttpError(
      'elevation-required',
      scopes === null
        ? `${route.summary} takes the role ${role}, which is yours once you take it up on the page /me/administrator: say why, and for how long.`
        : `${route.summary} takes the role ${role}, which this token does not have: its owner was not administrator when it was made. Become administrator on the page /me/administrator and make another on /me/tokens.`,
    );
  }
  throw new HttpError(
    'group-missing',
    `${route.summary} takes the role ${role}. You are ${viewer.id}, with ${viewer.groups.join(', ') || 'no group'}.`,
    {
      needs: [groupForRole(role)],
    },
  );
}

export function mount(
  app: express.Express,
  route: Route,
  options: WebServerOptions,
  openStreams: Map<string, number>,
): void {
  const { service, sessions, acts, log } = options;

  function nameStreamReader(request: Request, { sid, identity }: OpenSession): void {
    setStreamReader(request, {
      person: identity.nameId,
      open: openStreams,
      async stillAllowed() {
        const session = await findSession(sessions, sid, sessionLimits[service], new Date());
        if (session === null) return false;
        return admits(route, await options.resolveViewer(session.identity, hashOf(sid)));
      },
    });
  }

  const answer = async (request: Request, response: Response): Promise<void> => {
    authorise(route, response, (role) => options.groupForRole(role));
    const context = contextOf(response);
    if (route.method === 'get') {
      const { session } = localsOf(response);
      if (session !== null) nameStreamReader(request, session);
      await route.handle(request, response, context, undefined);
      return;
    }
    const fields = fieldsOf(request);
    const { session } = localsOf(response);
    const token = request.get('x-csrf-token') ?? fields['_csrf'];
    if (session !== null && !csrfTokenMatches(session.sid, token)) {
      throw new HttpError('csrf-refused', 'The page is out of date: reload it and try again.');
    }
    delete fields['_csrf'];
    const parsed = route.body?.safeParse(fields);
    if (parsed?.success === false) {
      const [issue] = parsed.error.issues;
      throw new HttpError(
        'request-malformed',
        `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'malformed'}`,
      );
    }
    await route.handle(request, response, context, parsed?.data);
  };
  const handler = async (request: Request, response: Response): Promise<void> => {
    const { requestId, viewer, token, address } = localsOf(response);
    if (acts === undefined || route.method === 'get' || viewer === null) {
      await answer(request, response);
      return;
    }
    const { name: deed } = route;
    const act = { requestId, person: viewer.nameId, deed, path: request.path, address, token };
    await writeDown(
      acts,
      { act, fields: fieldsOf(request) },
      async () => {
        await answer(request, response);
        return { status: response.statusCode };
      },
      (error) => {
        log.error('act.outcome-lost', {
          'http.request.id': requestId,
          error: error instanceof Error ? error : new Error(String(error)),
        });
      },
    );
  };
  const parsers =
    route.method === 'get'
      ? []
      : [
          express.json({ limit: maxBodyBytes }),
          express.urlencoded({ extended: false, limit: maxBodyBytes, parameterLimit: 100 }),
        ];
  app[route.method](route.path, ...parsers, handler);
}

/** A copy: JSON and forms come parsed, and everything else as nothing. */
const fieldsOf = ({ body }: Request): Record<string, unknown> => ({
  ...(body as Record<string, unknown> | undefined),
});

/** Machine callers authenticate themselves; they get the raw bytes, over which their signatures are made. */
export function mountMachine(app: express.Express, route: Route): void {
  app[route.method](
    route.path,
    express.raw({ type: () => true, limit: '5mb' }),
    async (request: Request, response: Response): Promise<void> => {
      await route.handle(request, response, contextOf(response), undefined);
    },
  );
}
