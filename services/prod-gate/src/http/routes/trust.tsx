/** Whose word counts here. */
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { viewTrust, type TrustSources } from '../../app/view-trust.ts';
import { TrustPage } from '../views/trust-page.tsx';

export type TrustPorts = TrustSources & { readonly now: () => Date };

export function trustRoutes(ports: TrustPorts): Route[] {
  return [
    route({
      name: 'show-trust',
      method: 'get',
      path: '/trust',
      access: 'signed-in',
      summary: 'Whose word counts here: pinned keys, repositories and outboxes.',
      async handle(request, response, context) {
        const now = ports.now();
        const [trust, frame] = await Promise.all([
          viewTrust(ports, now),
          frameOf(request, context),
        ]);
        sendPage(response, TrustPage({ frame, trust, now }));
      },
    }),
    route({
      name: 'read-trust',
      method: 'get',
      path: '/api/v1/trust',
      access: 'signed-in',
      summary: 'The same by machine.',
      async handle(_request, response) {
        response.json(await viewTrust(ports, ports.now()));
      },
    }),
  ];
}
