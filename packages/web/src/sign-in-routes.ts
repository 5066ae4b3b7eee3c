import express, { type Request, type Response } from 'express';
import type { Assets } from './assets.ts';
import { refuseForgedRequests } from './forged-requests.ts';
import { sendPage } from './page.ts';
import { HttpError } from './problem.ts';
import { createRateLimit, tellSlowed } from './rate-limit.ts';
import { contextOf, localsOf } from './request-locals.ts';
import { SamlError } from './saml/guard.ts';
import type { Identity } from './saml/identity.ts';
import { createServiceProvider, type ServiceProvider } from './saml/service-provider.ts';
import type { FrameOf, WebServerOptions } from './server-options.ts';
import {
  csrfTokenMatches,
  hashOf,
  newSecret,
  readCookies,
  sessionCookie,
  sessionLimits,
} from './session.ts';
import { HopPage } from './views/hop-page.tsx';
import { SignedOutPage } from './views/signed-out-page.tsx';

const bindingCookie = '__Host-saml';
const maxAcsBytes = 160 * 1024;
const ticketSeconds = 60;
const signInsPerMinute = 60;

/** A path of this site that may be returned to. */
export const returnToPattern = /^\/(?![/\\]|auth\/)[\w/.-]*(\?[\w=&.-]*)?$/;

/**
 * Signing in and out: by SAML, by the proxy in front, or both.
 *
 * @param makeFrame of the page that somebody signed out sees.
 */
export function mountSignIn(
  app: express.Express,
  options: WebServerOptions,
  assets: Assets,
  makeFrame: FrameOf,
): void {
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
    sendPage(response, SignedOutPage({ frame: await makeFrame(request, contextOf(response)) }));
  });
}

/** A ticket is good in the browser that signed in: nobody can be made to finish another person's sign-in. */
const ticketHash = (code: string, binding: string): Buffer => hashOf(`${code}.${binding}`);

const sentence = (error: SamlError): string =>
  `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
