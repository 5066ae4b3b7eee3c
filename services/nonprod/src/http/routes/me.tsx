/** One's own page: who this service takes one for, and where one's tokens and accounts are. */
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { MePage } from '../views/me-page.tsx';

export function meRoutes(): Route[] {
  return [
    route({
      name: 'show-my-page',
      method: 'get',
      path: '/me',
      access: 'signed-in',
      summary: 'Who one is here.',
      async handle(request, response, context) {
        sendPage(response, MePage({ frame: await frameOf(request, context) }));
      },
    }),
  ];
}
