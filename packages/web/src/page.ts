import type { Response } from 'express';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { pageBelow } from './below.ts';

/**
 * The whole document; everything in it went through the renderer's escaping.
 *
 * @param top path of the site, which its addresses get.
 */
export const renderPage = (page: VNode, top = ''): string =>
  pageBelow(top, `<!doctype html>${renderToString(page)}`);

export function sendPage(response: Response, page: VNode, status = 200): void {
  const { top } = response.app.locals as SiteLocals;
  response.status(status).type('html').send(renderPage(page, top));
}

/** What Express keeps of a site beside its settings. */
export interface SiteLocals {
  readonly top: string;
}
