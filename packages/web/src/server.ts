/**
 * The web edge of both services: headers, limits, host, session, CSRF, sign-in, and the route table, in this order.
 *
 * A route that is not in the table does not exist; a route without `access` does not compile. Every answer, errors too, carries
 * the security headers.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Build } from '@airlock/process/build';
import type { Log } from '@airlock/process/log';
import express, {
  type ErrorRequestHandler,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import { writeDown, type ActBook } from './acts.ts';
import type { Assets } from './assets.ts';
import { loadAssets } from './assets.ts';
import { tokenHolder, type TokenDoor } from './bearer.ts';
import { HttpError, problemFrom, sendProblem, signInRequired, wantsJson } from './problem.ts';
import { sendPage, type SiteLocals } from './page.ts';
import { listenForPeople } from './listen.ts';
import type { SecurityContact, WebListen } from './listen-settings.ts';
import { below, pathOf } from './below.ts';
import { createCallerAddress } from './caller.ts';
import { createRateLimit } from './rate-limit.ts';
import type { Route, RouteContext, Viewer } from './route.ts';
import { SamlError } from './saml/guard.ts';
import type { Identity } from './saml/identity.ts';
import { createServiceProvider, type ServiceProvider } from './saml/service-provider.ts';
import type { SamlSettings } from './saml/settings.ts';
import {
  csrfTokenMatches,
  csrfTokenOf,
  findSession,
  hashOf,
  newSecret,
  openSession,
  readCookies,
  sessionCookie,
  sessionLimits,
  type OpenSession,
  type SessionStore,
} from './session.ts';
import { securityText } from './security-text.ts';
import { setStreamReader } from './sse.ts';
import { HopPage } from './views/hop-page.tsx';
import type { Frame, NavEntry } from './views/layout.tsx';
import { versionRoute } from './version-route.ts';
import { SignedOutPage } from './views/signed-out-page.tsx';

export interface WebServerOptions {
  readonly service: 'nonprod' | 'gate';
  /** As browsers see it, such as https://gate.example: the only host that is served. */
  readonly origin: string;
  readonly listen: WebListen;
  /** Left out or null: there is no /.well-known/security.txt. */
  readonly securityContact?: SecurityContact;
  readonly log: Log;
  readonly routes: readonly Route[];
  /** Callers that are machines and many; no page, no session, no parser stands before them. */
  readonly intakes?: readonly Intake[];
  readonly assetsDirectory: string;
  readonly sessions: SessionStore;
  /** Null: nobody signs in by SAML. */
  readonly saml: SamlSettings | null;
  /** Signs people in beside SAML, or in its place; left out: nothing does. */
  readonly proxy?: SignInProxy | null;
  readonly nav: readonly NavEntry[];
  readonly build: Build;
  /** Lines at the foot of every page, such as the ledger's checkpoint. */
  footer(): Promise<Frame['footer']>;
  /** On top of every page of somebody signed in; left out: nothing. */
  notices?(context: RouteContext): Promise<NonNullable<Frame['notices']>>;
  /**
   * Who this is here; null for somebody this service does not know, who then gets a 403 and no redirect loop.
   *
   * @param session SHA-256 of the session's identifier, for what somebody may do in one session and not in another.
   */
  resolveViewer(identity: Identity, session: Buffer): Promise<Viewer | null>;
  /** Takes tokens of programs, on routes that name a scope; left out: the Authorization header means nothing. */
  readonly tokens?: TokenDoor;
  /** Takes down every request of somebody known here that is not a GET; left out: nothing is taken down. */
  readonly acts?: ActBook;
  /** Told of every sign-in before its session exists; when it fails there is none. */
  signedIn?(identity: Identity): Promise<void>;
  /** Name of the group to ask for when a role is missing. */
  groupForRole(role: string): string;
  /** Translates a use case's refusal; null leaves it an internal error. */
  translateError?(error: unknown): HttpError | null;
}

/** Something before this service that signs people in, and that proves itself by its certificate on each connection. */
export interface SignInProxy {
  /** Whom it names; null for every request that does not prove to come from it, or names nobody in the one right way. */
  identityOf(request: IncomingMessage): Identity | null;
}

/** Takes every request below a path by itself: reads the body, checks who sent it, answers. */
export interface Intake {
  /** Such as `/hooks/git/`. */
  readonly prefix: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

export interface WebServer {
  readonly url: string;
  close(): Promise<void>;
}

/** What routes need to render a page: everything of the frame but its title and content. */
export type FrameOf = (request: Request, context: RouteContext) => Promise<Frame>;

const bindingCookie = '__Host-saml';
const maxBodyBytes = 256 * 1024;
const maxAcsBytes = 160 * 1024;
const ticketSeconds = 60;
const signInsPerMinute = 60;
const refusedTokensPerMinute = 60;

interface Locals {
  requestId: string;
  session: OpenSession | null;
  /** Of the token that the request came with; no session beside it. */
  scopes: readonly string[] | null;
  /** Its id. */
  token: string | null;
  viewer: Viewer | null;
  /** Of the caller, behind proxies. */
  address: string;
}

/** Express leaves `locals` open; this is the one place that fills it. */
const localsOf = (response: Response): Locals => response.locals as Locals;

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
    const makeFrame: FrameOf = (asked, context) => frame(options, assets, asked, context);
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
  mountSignIn(app, options, assets);
  app.use(refuseForgedRequests(origin));
  const openStreams = new Map<string, number>();
  const routes = [...options.routes, versionRoute(options.build)];
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

function securityHeaders(origin: URL): RequestHandler {
  const set = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'"],
        'connect-src': ["'self'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
        'base-uri': ["'none'"],
        'require-trusted-types-for': ["'script'"],
        'trusted-types': ["'none'"],
      },
    },
    crossOriginEmbedderPolicy: true,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity:
      origin.protocol === 'https:' ? { maxAge: 63_072_000, includeSubDomains: true } : false,
    xFrameOptions: { action: 'deny' },
  });
  return (request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader(
      'permissions-policy',
      'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
    );
    set(request, response, next);
  };
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
    notices: context.viewer === null ? [] : ((await options.notices?.(context)) ?? []),
  };
}

const contextOf = (response: Response): RouteContext => {
  const { viewer, requestId, session } = localsOf(response);
  return {
    viewer,
    requestId,
    ...(session === null
      ? { csrfToken: '', session: null }
      : { csrfToken: csrfTokenOf(session.sid), session: hashOf(session.sid) }),
  };
};

/**
 * A request that changes something comes from our own page: the browser says so in Sec-Fetch-Site or Origin, and the page
 * sends the session's token along (checked when the body is parsed). GET changes nothing.
 */
function refuseForgedRequests(origin: URL): RequestHandler {
  return (request, response, next) => {
    // No browser sends a token by itself, so that nobody can be made to send one.
    if (
      request.method === 'GET' ||
      request.method === 'HEAD' ||
      localsOf(response).scopes !== null
    ) {
      next();
      return;
    }
    const site = request.get('sec-fetch-site');
    const from = request.get('origin');
    if (site !== undefined ? site !== 'same-origin' : from !== origin.origin) {
      throw new HttpError('csrf-refused', 'Open the page at its own address and try again there.');
    }
    if (from !== undefined && from !== origin.origin) {
      throw new HttpError('csrf-refused', 'Open the page at its own address and try again there.');
    }
    next();
  };
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

function mount(
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
function mountMachine(app: express.Express, route: Route): void {
  app[route.method](
    route.path,
    express.raw({ type: () => true, limit: '5mb' }),
    async (request: Request, response: Response): Promise<void> => {
      await route.handle(request, response, contextOf(response), undefined);
    },
  );
}

/** Whoever guesses is in the log once a minute, and not once a guess. */
function tellSlowed(log: WebServerOptions['log'], what: string): (address: string) => void {
  return (address) => {
    log.warn('guessing.slowed', { 'client.address': address, what });
  };
}

const returnToPattern = /^\/(?![/\\]|auth\/)[\w/.-]*(\?[\w=&.-]*)?$/;

function mountSignIn(app: express.Express, options: WebServerOptions, assets: Assets): void {
  const { log, service, sessions } = options;
  const cookie = (name: string, value: string, more: string): string =>
    `${name}=${value}; Path=/; Secure; HttpOnly; ${more}`;
  // A sign-in costs a row and a signature before anybody is known, so that one address gets a bounded number of them.
  const letBegin = createRateLimit(signInsPerMinute, tellSlowed(log, 'sign-ins'));
  const letFinish = createRateLimit(signInsPerMinute, tellSlowed(log, 'answers to sign-ins'));
  const slowDown = (): HttpError =>
    new HttpError(
      'too-many-requests',
      'Too many sign-ins from your address; try again in a minute.',
    );
  const bindingOf = (request: Request): string =>
    readCookies(request.headers.cookie).get(bindingCookie) ?? '';

  /** A new identifier at every sign-in: a fixed or stolen old one is worth nothing. */
  const open = async (response: Response, identity: Identity): Promise<void> => {
    const old = localsOf(response).session;
    if (old !== null) await sessions.deleteSession(hashOf(old.sid));
    await options.signedIn?.(identity);
    const sid = newSecret();
    await sessions.createSession(hashOf(sid), {
      ...{ person: identity.nameId, identity },
      expiresAt: new Date(Date.now() + sessionLimits[service].absoluteHours * 3_600_000),
    });
    log.info('sign-in.accepted', { 'user.id': identity.nameId, 'identity.provider': identity.idp });
    response.append('set-cookie', cookie(sessionCookie, sid, 'SameSite=Strict'));
  };
  const provider =
    options.saml === null
      ? null
      : createServiceProvider({
          ...{ settings: options.saml, acsUrl: `${options.origin}/auth/saml/acs` },
          ...{ forceAuthn: service === 'gate', store: sessions, now: () => new Date() },
        });

  app.get('/auth/sign-in', async (request, response) => {
    const wanted = typeof request.query['returnTo'] === 'string' ? request.query['returnTo'] : '/';
    const returnTo = returnToPattern.test(wanted) ? wanted : '/';
    const named = options.proxy?.identityOf(request) ?? null;
    if (named !== null) {
      await open(response, named);
      // A page and not a redirect, as after SAML: who came by a link from elsewhere would be led here again and again.
      sendPage(response, HopPage({ href: returnTo, title: 'Signing in', service, assets }));
      return;
    }
    if (!letBegin(localsOf(response).address, new Date())) throw slowDown();
    if (provider === null)
      throw new HttpError(
        'sign-in-refused',
        'The proxy in front of this site signs people in, and this request did not come from it with a name: use the address that the proxy serves.',
      );
    const { location, binding } = await provider.begin(returnTo, bindingOf(request));
    // The identity provider's POST back is cross-site, so this one short-lived cookie must be SameSite=None.
    response.append('set-cookie', cookie(bindingCookie, binding, 'SameSite=None; Max-Age=600'));
    response.redirect(303, location);
  });

  const mountSaml = (saml: ServiceProvider): void => {
    app.post(
      '/auth/saml/acs',
      (request, response, next) => {
        if (request.originalUrl.includes('?'))
          throw new HttpError('request-malformed', 'No query is taken here.');
        if (request.is('application/x-www-form-urlencoded') === false)
          throw new HttpError('media-type-refused', 'A form is expected here.');
        if (!letFinish(localsOf(response).address, new Date())) throw slowDown();
        next();
      },
      express.urlencoded({ extended: false, limit: maxAcsBytes, parameterLimit: 2 }),
      async (request, response) => {
        const body = (request.body ?? {}) as Record<string, unknown>;
        const { SAMLResponse: samlResponse, RelayState: relayState } = body;
        if (
          typeof samlResponse !== 'string' ||
          typeof relayState !== 'string' ||
          Object.keys(body).length !== 2
        ) {
          throw new HttpError(
            'request-malformed',
            'Exactly SAMLResponse and RelayState are expected here.',
          );
        }
        const binding = bindingOf(request);
        try {
          const { identity, returnTo } = await saml.finish(request, response, {
            samlResponse,
            relayState,
            binding,
          });
          const code = newSecret();
          await sessions.createTicket({
            codeHash: ticketHash(code, binding),
            identity,
            returnTo,
            expiresAt: new Date(Date.now() + ticketSeconds * 1000),
          });
          // A page and not a redirect: only a navigation that begins on our own site may carry a Strict cookie.
          sendPage(
            response,
            HopPage({ href: `/auth/finish?c=${code}`, title: 'Signing in', service, assets }),
          );
        } catch (error) {
          if (!(error instanceof SamlError)) throw error;
          log.warn('sign-in.refused', {
            code: error.code,
            'http.request.id': localsOf(response).requestId,
          });
          throw new HttpError('sign-in-refused', `${sentence(error)} (${error.code})`, {
            cause: error,
          });
        }
      },
    );

    app.get('/auth/finish', async (request, response) => {
      const code = typeof request.query['c'] === 'string' ? request.query['c'] : '';
      const ticket = await sessions.takeTicket(ticketHash(code, bindingOf(request)), new Date());
      if (ticket === null)
        throw new HttpError(
          'sign-in-refused',
          'This sign-in was used before or took too long; sign in again.',
        );
      await open(response, ticket.identity);
      response.append('set-cookie', cookie(bindingCookie, '', 'SameSite=None; Max-Age=0'));
      response.redirect(303, ticket.returnTo);
    });
  };
  if (provider !== null) mountSaml(provider);

  app.post(
    '/auth/sign-out',
    refuseForgedRequests(new URL(options.origin)),
    express.urlencoded({ extended: false, limit: 4096 }),
    async (request, response) => {
      const { session } = localsOf(response);
      const body = (request.body ?? {}) as Record<string, unknown>;
      if (session !== null) {
        if (!csrfTokenMatches(session.sid, body['_csrf']))
          throw new HttpError('csrf-refused', 'Reload the page and sign out there.');
        await sessions.deleteSession(hashOf(session.sid));
      }
      response.append('set-cookie', cookie(sessionCookie, '', 'SameSite=Strict; Max-Age=0'));
      response.redirect(303, '/auth/signed-out');
    },
  );

  app.get('/auth/signed-out', async (request, response) => {
    if (localsOf(response).session !== null) {
      response.redirect(303, '/');
      return;
    }
    sendPage(
      response,
      SignedOutPage({ frame: await frame(options, assets, request, contextOf(response)) }),
    );
  });
}

/** A ticket is good in the browser that signed in: nobody can be made to finish another person's sign-in. */
const ticketHash = (code: string, binding: string): Buffer => hashOf(`${code}.${binding}`);

const sentence = (error: SamlError): string =>
  `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;

/** Where somebody was who sent the request: the page itself, or that of the form. */
function pageOf(request: Request, origin: string): string {
  if (request.method === 'GET') return request.originalUrl;
  const from = request.get('referer');
  if (from === undefined || !URL.canParse(from)) return '/';
  const { origin: site, pathname, search } = new URL(from);
  const top = pathOf(origin);
  const isOurs = site === new URL(origin).origin && pathname.startsWith(`${top}/`);
  return isOurs ? `${pathname.slice(top.length)}${search}` : '/';
}

function answerErrors(options: WebServerOptions, assets: Assets): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, next: NextFunction) => {
    const { requestId } = localsOf(response);
    const known = error instanceof HttpError ? error : (options.translateError?.(error) ?? error);
    const problem = problemFrom(known, requestId);
    if (problem.status >= 500) {
      options.log.error('http.failed', {
        'http.request.id': requestId,
        'url.path': request.path,
        error: error instanceof Error ? error : new Error(String(error)),
        'error.stack_trace': error instanceof Error ? error.stack : undefined,
      });
    }
    if (response.headersSent) {
      next(error);
      return;
    }
    const isJson = wantsJson(request, problem);
    // A person who is not signed in wants to be, not to read about it; never so for a refusal, which would loop.
    if (problem.status === 401 && request.method === 'GET' && !isJson) {
      const returnTo = returnToPattern.test(request.originalUrl) ? request.originalUrl : '/';
      response
        .status(303)
        .location(`/auth/sign-in?returnTo=${encodeURIComponent(returnTo)}`)
        .end();
      return;
    }
    // Whoever knocks at every address costs no look at the database.
    (isJson ? Promise.resolve([]) : options.footer().catch(() => []))
      .then((footer) => {
        sendProblem(request, response, problem, {
          service: options.service,
          ...contextOf(response),
          path: pageOf(request, options.origin),
          nav: options.nav,
          assets,
          version: options.build.version,
          footer,
        });
      })
      .catch(next);
  };
}
