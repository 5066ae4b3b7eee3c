import { z } from 'zod';
import { loadManual, type ManualSettings } from './manual.ts';
import { sendPage } from './page.ts';
import { HttpError } from './problem.ts';
import { route, type Route } from './route.ts';
import type { FrameOf } from './server-options.ts';
import { ManualContents, ManualText } from './views/manual-page.tsx';

/** None where no manual is set. @throws as `loadManual`. */
export function manualRoutes(settings: ManualSettings, frameOf: FrameOf): Route[] {
  if (settings === null) return [];
  const manual = loadManual(settings);
  const pages = new Map(manual.pages.map((page) => [page.path, page]));
  return [
    route({
      name: 'show-manual',
      method: 'get',
      path: '/manual',
      access: 'signed-in',
      summary: 'What the manual of this version is about',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        sendPage(response, ManualContents({ frame, pages: manual.pages }));
      },
    }),
    route({
      name: 'show-manual-page',
      method: 'get',
      path: '/manual/*path',
      access: 'signed-in',
      summary: 'A page of the manual',
      async handle(request, response, context) {
        const page = pages.get(z.array(z.string()).parse(request.params['path']).join('/'));
        if (page === undefined) {
          throw new HttpError(
            'not-found',
            'The manual has no such page; /manual says which it has.',
          );
        }
        const [frame, html] = await Promise.all([frameOf(request, context), manual.html(page)]);
        const editAddress = manual.editAddress(page);
        sendPage(response, ManualText({ frame, page, html, editAddress }));
      },
    }),
  ];
}
