/** The yes of a second administrator to somebody's first time, and taking it back. No token does either. */
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import type { Request } from 'express';
import type { AdministratorStore, Asker } from '../../app/elevation-ports.ts';
import type { Events } from '../../events.ts';

const wishIn = ({ params }: Request): string =>
  typeof params['wish'] === 'string' ? params['wish'] : '';

export interface AdministratorRoutePorts {
  readonly administrators: AdministratorStore;
  /** Who needs nobody's yes. */
  readonly firstAdministrators: readonly string[];
  readonly events: Pick<Events, 'administratorAdmitted' | 'administratorWithdrawn'>;
}

export function administratorRoutes(
  { administrators, firstAdministrators, events }: AdministratorRoutePorts,
  whose: (context: RouteContext) => Asker,
): Route[] {
  const admit = async (request: Request, context: RouteContext): Promise<void> => {
    const by = whose(context);
    const person = await administrators.admit(wishIn(request), by);
    if (person === null) {
      throw new HttpError(
        'not-allowed',
        'This wish does not wait any more, is your own, or you are administrator no longer: look at /me/administrator.',
      );
    }
    events.administratorAdmitted(person, by.person);
  };
  const withdraw = async (request: Request, context: RouteContext): Promise<void> => {
    const by = whose(context);
    const person = await administrators.withdraw(wishIn(request), by);
    if (person === null) {
      throw new HttpError(
        'not-allowed',
        'This was taken back already, or you are administrator no longer: look at /me/administrator.',
      );
    }
    events.administratorWithdrawn(person, by.person);
  };

  return [
    route({
      name: 'admit-administrator-by-form',
      method: 'post',
      path: '/me/administrator/wishes/:wish/admit',
      access: 'role:platform',
      summary: 'Saying yes to an administrator',
      async handle(request, response, context) {
        await admit(request, context);
        response.redirect(303, '/me/administrator');
      },
    }),
    route({
      name: 'withdraw-administrator-by-form',
      method: 'post',
      path: '/me/administrator/wishes/:wish/withdraw',
      access: 'role:platform',
      summary: 'Taking an administrator back',
      async handle(request, response, context) {
        await withdraw(request, context);
        response.redirect(303, '/me/administrator');
      },
    }),
    route({
      name: 'list-administrators',
      method: 'get',
      path: '/api/v1/administrators',
      access: 'signed-in',
      summary: 'Who may become administrator, and who waits for a yes',
      async handle(_request, response, context) {
        whose(context);
        const wishes = await administrators.wishes();
        response.json({
          first: firstAdministrators,
          wishes: wishes.map(({ askedAt, ...wish }) => ({
            ...wish,
            askedAt: askedAt.toISOString(),
          })),
        });
      },
    }),
    route({
      name: 'admit-administrator',
      method: 'post',
      path: '/api/v1/administrators/:wish/admit',
      access: 'role:platform',
      summary: 'Saying yes to an administrator',
      async handle(request, response, context) {
        await admit(request, context);
        response.status(204).end();
      },
    }),
    route({
      name: 'withdraw-administrator',
      method: 'post',
      path: '/api/v1/administrators/:wish/withdraw',
      access: 'role:platform',
      summary: 'Taking an administrator back',
      async handle(request, response, context) {
        await withdraw(request, context);
        response.status(204).end();
      },
    }),
  ];
}
