import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import type { Assets } from './assets.ts';
import { pathOf } from './below.ts';
import { HttpError, problemFrom, sendProblem, wantsJson } from './problem.ts';
import { contextOf, localsOf } from './request-locals.ts';
import type { WebServerOptions } from './server-options.ts';
import { returnToPattern } from './sign-in-routes.ts';

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

/** What went wrong, as a page or a problem; whoever is not signed in and asks for a page is led to the sign-in. */
export function answerErrors(options: WebServerOptions, assets: Assets): ErrorRequestHandler {
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
