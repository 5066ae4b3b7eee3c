import type { Response } from 'express';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

/** The whole document; everything in it went through the renderer's escaping. */
export const renderPage = (page: VNode): string => `<!doctype html>${renderToString(page)}`;

export function sendPage(response: Response, page: VNode, status = 200): void {
  response.status(status).type('html').send(renderPage(page));
}
