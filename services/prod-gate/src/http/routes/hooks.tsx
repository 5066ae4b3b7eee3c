/** Registered hooks: what runs with production's credentials. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { viewHook, type HookSources, type HookView } from '../../app/view-hook.ts';
import { HookPage } from '../views/hook-page.tsx';

export type HookPorts = HookSources & { readonly now: () => Date };

const hookName = /^[a-z0-9][a-z0-9-]{0,63}$/;

export function hookRoutes(ports: HookPorts): Route[] {
  async function find(name: string): Promise<HookView> {
    const hook = hookName.test(name) ? await viewHook(ports, name) : null;
    if (hook !== null) return hook;
    throw new HttpError(
      'not-found',
      'No hook of this name is registered here and no target file pins one. Target pages lead to those that are.',
    );
  }
  return [
    route({
      name: 'show-hook',
      method: 'get',
      path: '/hooks/:hook',
      access: 'signed-in',
      summary: 'A registered hook: what lies here, which targets pin it, what it last did.',
      async handle(request, response, context) {
        const [hook, frame] = await Promise.all([
          find(String(request.params['hook'])),
          frameOf(request, context),
        ]);
        sendPage(response, HookPage({ frame, hook, now: ports.now() }));
      },
    }),
    route({
      name: 'read-hook',
      method: 'get',
      path: '/api/v1/hooks/:hook',
      access: 'signed-in',
      summary: 'The same by machine.',
      async handle(request, response) {
        response.json(await find(String(request.params['hook'])));
      },
    }),
  ];
}
