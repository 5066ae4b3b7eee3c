/**
 * The web edge of both services: headers, limits, host, session, CSRF, sign-in, and the route table, in this order.
 *
 * A route that is not in the table does not exist; a route without `access` does not compile. Every answer, errors too, carries
 * the security headers.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '@airlock/process/log';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { loadAssets, type Assets } from './assets.ts';
import { tokenHolder } from './bearer.ts';
import { below, pathOf } from './below.ts';
import { createCallerAddress } from './caller.ts';
import { answerErrors } from './error-answers.ts';
import { refuseForgedRequests } from './forged-requests.ts';
import { listenForPeople } from './listen.ts';
import { manualRoutes } from './manual-routes.ts';
import { mount, mountMachine } from './mount-route.ts';
import type { SiteLocals } from './page.ts';
import { HttpError, signInRequired } from './problem.ts';
import { createRateLimit, tellSlowed } from './rate-limit.ts';
import { localsOf, type Locals } from './request-locals.ts';
import type { RouteContext } from './route.ts';
import { securityHeaders } from './security-headers.ts';
import { securityText } from './security-text.ts';
import type { FrameOf, Intake, WebServerOptions } from './server-options.ts';
import {
  findSession,
  hashOf,
  openSession,
  readCookies,
  sessionCookie,
  sessionLimits,
} from './session.ts';
import { mountSignIn } from './sign-in-routes.ts';
import { versionRoute } from './version-route.ts';
import type { Frame } from './views/layout.tsx';

export interface WebServer {
  readonly url: string;
  close(): Promise<void>;
}

const refusedTokensPerMinute = 60;

/** Frames are made by the server, because routes know neither navigation nor footer. */
const frames = new WeakMap<Request, FrameOf>();

export async function frameOf(request: Request, context: RouteContext): Promise<Frame> {
  const make = frames.get(request);
  if (make === undefined) throw new Error('frameOf is for requests that this server handles');
  return make(request, context);
}

export async function createWebServer(options: WebServerOptions): Promise<WebServer> {
  const { log, service, sessions } = options;
  const origin = new URL(options.origin);
  const top = pathOf(options.origin);
  const assets = loadAssets(options.assetsDirectory);
  const app = express();
  const addressOf = createCallerAddress(options.listen);
  const makeFrame: FrameOf = (request, context) => frame(options, assets, request, context);
  app.disable('x-powered-by');
  Object.assign(app.locals, { top } satisfies SiteLocals);
  app.set('etag', false);
  app.set('query parser', 'simple');

  app.use(securityHeaders(origin));
  app.use((request, response, next) => {
    response.locals = {
      requestId: `req_${randomUUID()}`,
      session: null,
      scopes: null,
      token: null,
      viewer: null,
      address: addressOf(request),
    } satisfies Locals;
    frames.set(request, makeFrame);
    logRequest(log, request, response);
    // Host decides nothing here, but a wrong one means that somebody else's name points at us.
    if (request.headers.host !== origin.host)
      throw new HttpError('host-unknown', `only ${origin.host} is served here`);
    next();
  });
  app.get('/.well-known/security.txt', (_request, response, next) => {
    const text = securityText(options.securityContact ?? null, origin.origin, new Date());
    if (text === null) next();
    else response.type('text/plain; charset=utf-8').send(text);
  });
  app.use(
    '/assets',
    express.static(assets.directory, {
      index: false,
      redirect: false,
      dotfiles: 'ignore',
      immutable: true,
      maxAge: '365d',
      setHeaders: (response) =>
        response.setHeader('cache-control', 'public, max-age=31536000, immutable'),
    }),
  );

  for (const route of options.routes.filter(({ machine }) => machine === true))
    mountMachine(app, route);
  const letGuess = createRateLimit(
    refusedTokensPerMinute,
    tellSlowed(options.log, 'refused tokens'),
  );
  app.use(async (request, response, next) => {
    const { tokens } = options;
    const holder =
      tokens === undefined
        ? null
        : await tokenHolder(request, localsOf(response).address, tokens, (address) =>
            letGuess(address, new Date()),
          );
    if (holder !== null) {
      Object.assign(localsOf(response), holder);
      next();
      return;
    }
    const sid = readCookies(request.headers.cookie).get(sessionCookie);
    if (sid !== undefined) {
      // A stream that the browser opens again by itself is not a person doing something.
      const find = request.get('accept') === 'text/event-stream' ? findSession : openSession;
      const found = await find(sessions, sid, sessionLimits[service], new Date());
      const named = options.proxy?.identityOf(request) ?? null;
      // A proxy where somebody else has signed in meanwhile: what they do is not the first one's.
      const isOthers = found !== null && named !== null && named.nameId !== found.identity.nameId;
      if (isOthers) await sessions.deleteSession(hashOf(sid));
      const session = isOthers ? null : found;
      const locals = localsOf(response);
      locals.session = session;
      locals.viewer =
        session === null ? null : await options.resolveViewer(session.identity, hashOf(sid));
    }
    next();
  });
  mountSignIn(app, options, assets, makeFrame);
  app.use(refuseForgedRequests(origin));
  const openStreams = new Map<string, number>();
  const routes = [
    ...options.routes,
    versionRoute(options.build),
    ...manualRoutes(options.manual ?? null, makeFrame),
  ];
  const ofPeople = routes.filter(({ machine }) => machine !== true);
  for (const route of ofPeople.filter(({ access }) => access === 'public'))
    mount(app, route, options, openStreams);
  app.use(refuseStrangers);
  // Browsers ask for it beside what is no page, such as a log.
  app.get('/favicon.ico', (_request, response) => {
    response.redirect(302, assets.url(`favicon-${service}.svg`));
  });
  app.get('/livez', (_request, response) => {
    response.type('text').send('ok\n');
  });
  for (const route of ofPeople.filter(({ access }) => access !== 'public'))
    mount(app, route, options, openStreams);
  app.use(() => {
    throw new HttpError(
      'not-found',
      'No page has this address. It may have moved, or it is not for you.',
    );
  });
  app.use(answerErrors(options, assets));

  const asksForCertificate = (options.proxy ?? null) !== null;
  const site = { origin, log, asksForCertificate };
  const handle = below(top, (request, response) => {
    const intake = options.intakes?.find(({ prefix }) => request.url?.startsWith(prefix) === true);
    // Express's handler is a plain request listener.
    if (intake === undefined) app(request, response);
    else takeIn(intake, request, response, { host: origin.host, log });
  });
  const listening = await listenForPeople(options.listen, site, handle);
  return { url: options.origin, close: () => listening.close() };
}

/** Every answer carries the headers of a document that nobody may show, sniff or keep. */
function takeIn(
  intake: Intake,
  request: IncomingMessage,
  response: ServerResponse,
  { host, log }: { readonly host: string; readonly log: Log },
): void {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  response.setHeader('x-content-type-options', 'nosniff');
  if (request.headers.host !== host) {
    response.writeHead(421).end();
    return;
  }
  intake.handle(request, response).catch((error: unknown) => {
    log.error('intake.failed', {
      'url.path': intake.prefix,
      error: error instanceof Error ? error : new Error(String(error)),
    });
    if (response.headersSent) response.destroy();
    else response.writeHead(500, { connection: 'close' }).end();
  });
}

function logRequest(log: Log, request: Request, response: Response): void {
  const started = performance.now();
  response.on('close', () => {
    const { requestId, viewer } = localsOf(response);
    log.info('http.request', {
      'http.request.id': requestId,
      'http.request.method': request.method,
      'url.path': request.path,
      'http.response.status_code': response.statusCode,
      'event.duration_ms': Math.round(performance.now() - started),
      'user.id': viewer?.id ?? null,
    });
  });
}

/**
 * Before every route that is not public: one answer for what is there, what is not, and what cannot be read, so that trying
 * addresses finds nothing.
 */
const refuseStrangers: RequestHandler = (_request, response, next) => {
  const { session, scopes } = localsOf(response);
  if (session === null && scopes === null) throw signInRequired();
  next();
};

async function frame(
  options: WebServerOptions,
  assets: Assets,
  request: Request,
  context: RouteContext,
): Promise<Frame> {
  return {
    service: options.service,
    viewer: context.viewer,
    csrfToken: context.csrfToken,
    path: request.originalUrl,
    nav: options.nav,
    assets,
    version: options.build.version,
    footer: await options.footer(),
    hasManual: (options.manual ?? null) !== null,
    notices: context.viewer === null ? [] : ((await options.notices?.(context)) ?? []),
  };
}
