import type { RequestHandler } from 'express';
import { HttpError } from './problem.ts';
import { localsOf } from './request-locals.ts';

/**
 * A request that changes something comes from our own page: the browser says so in Sec-Fetch-Site or Origin, and the page
 * sends the session's token along (checked when the body is parsed). GET changes nothing.
 */
export function refuseForgedRequests(origin: URL): RequestHandler {
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
