/**
 * A site below a path of its host. Everything inside speaks of paths from the site's own top; what comes in loses the path
 * here, and what goes out gets it: addresses in pages, and where somebody is led to.
 */
import type { RequestListener, ServerResponse } from 'node:http';

/** The path of a site's address: `/ci` of https://example.com/ci, and '' of one at the top. */
export const pathOf = (origin: string): string => new URL(origin).pathname.replace(/\/$/, '');

/** @param top as `pathOf` gives it. What is asked for elsewhere is not there, and nothing is said of where it is. */
export function below(top: string, handle: RequestListener): RequestListener {
  if (top === '') return handle;
  return (request, response) => {
    const url = request.url ?? '';
    if (url === top) {
      response.writeHead(308, { location: `${top}/`, 'content-length': 0 }).end();
    } else if (!url.startsWith(`${top}/`)) {
      response.writeHead(404, { 'content-length': 0 }).end();
    } else {
      request.url = url.slice(top.length);
      leadBelow(top, response);
      handle(request, response);
    }
  };
}

function leadBelow(top: string, response: ServerResponse): void {
  const setHeader = response.setHeader.bind(response);
  response.setHeader = (name, value) => {
    const isOwn =
      name.toLowerCase() === 'location' && typeof value === 'string' && /^\/(?!\/)/.test(value);
    return setHeader(name, isOwn ? `${top}${value}` : value);
  };
}

/** Attributes that hold addresses; a quote in a text of a page is written as an entity, so that only attributes match. */
const addresses =
  /(\s(?:href|src|action|formaction|data-live|data-(?:[a-z]+-)?url)="|\scontent="0;url=)(?=\/(?!\/))/g;

/** @param html as the renderer wrote it. */
export const pageBelow = (top: string, html: string): string =>
  top === '' ? html : html.replaceAll(addresses, `$1${top}`);
