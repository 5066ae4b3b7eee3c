/** Becoming administrator for a while, and an ordinary member again. No token does either. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { Asker, ElevationStore } from '../../app/elevation-ports.ts';
import {
  elevatedRole,
  ElevationWish,
  mayBecomeAdministrator,
  type Standing,
} from '../../domain/elevation.ts';
import type { Events } from '../../events.ts';
import { ElevationPage } from '../views/elevation-page.tsx';
import { administratorRoutes, type AdministratorRoutePorts } from './administrators.ts';
import { requesterOf } from './shared.ts';

const mostShown = 50;

/** A path here, and no other site's. */
const ReturnTo = z
  .string()
  .max(1000)
  .regex(/^\/(?![/\\])[\w/.@:=&?%-]*$/)
  .catch('/me/administrator');

const ElevationForm = z
  .strictObject({ reason: z.string(), minutes: z.string(), returnTo: ReturnTo })
  .transform(({ minutes, ...rest }) => ({ ...rest, minutes: Number(minutes) }))
  .pipe(
    ElevationWish.extend({
      minutes: ElevationWish.shape.minutes.unwrap(),
      returnTo: z.string(),
    }),
  );

export interface ElevationPorts extends AdministratorRoutePorts {
  readonly elevations: ElevationStore;
  standing(person: string): Promise<Standing>;
  readonly events: AdministratorRoutePorts['events'] &
    Pick<Events, 'elevationBegan' | 'elevationEnded' | 'administratorAsked'>;
}

/** Of a person whom another administrator has to admit before. */
const toldToWait = (): HttpError =>
  new HttpError(
    'not-allowed',
    'The first time somebody else who is administrator says yes, on the page /me/administrator. Your wish stands there; ask one of them, and try again then. Where nobody is administrator yet, firstAdministrators of the configuration names who needs no yes.',
  );

export function elevationRoutes(ports: ElevationPorts): Route[] {
  const { elevations, administrators, events } = ports;
  /** @throws HttpError `group-missing` for those who never are administrators. */
  const whose = (context: RouteContext): Asker => {
    const { viewer, session } = context;
    const mayBe = [...(viewer?.roles ?? []), ...(viewer?.mayTakeUp ?? [])].includes(elevatedRole);
    if (!mayBe || session === null) {
      const text = `Only members of a group with the role ${elevatedRole} become administrators.`;
      throw new HttpError('group-missing', text);
    }
    return { person: requesterOf(context).id, session };
  };
  /** Null where a wish was written down, or stands already, that somebody else says yes to. */
  const begin = async (context: RouteContext, wish: ElevationWish): Promise<Date | null> => {
    const { person, session } = whose(context);
    if (!mayBecomeAdministrator(await ports.standing(person))) {
      if (await administrators.ask(person, wish.reason))
        events.administratorAsked(person, wish.reason);
      return null;
    }
    const endsAt = await elevations.begin(session, person, wish);
    events.elevationBegan(person, wish.reason, endsAt);
    return endsAt;
  };
  const end = async (context: RouteContext): Promise<void> => {
    const { person, session } = whose(context);
    if (await elevations.end(session, person)) events.elevationEnded(person);
  };

  return [
    route({
      name: 'show-elevations',
      method: 'get',
      path: '/me/administrator',
      access: 'signed-in',
      summary: 'Who is and was administrator, and why',
      async handle(request, response, context) {
        const { person, session } = whose(context);
        const [frame, own, list, standing, wishes] = await Promise.all([
          frameOf(request, context),
          elevations.inForce(session, person),
          elevations.newest(mostShown),
          ports.standing(person),
          administrators.wishes(),
        ]);
        const returnTo = ReturnTo.parse(request.query['returnTo']);
        const { firstAdministrators: first } = ports;
        const shown = { frame, person, own, standing, returnTo, now: new Date() };
        sendPage(response, ElevationPage({ ...shown, list, wishes, first }));
      },
    }),
    route({
      name: 'become-administrator-by-form',
      method: 'post',
      path: '/me/administrator',
      access: 'signed-in',
      summary: 'Becoming administrator',
      body: ElevationForm,
      async handle(_request, response, context, { returnTo, ...wish }) {
        const endsAt = await begin(context, wish);
        response.redirect(303, endsAt === null ? '/me/administrator' : returnTo);
      },
    }),
    route({
      name: 'end-administrator-by-form',
      method: 'post',
      path: '/me/administrator/end',
      access: 'signed-in',
      summary: 'Being administrator no longer',
      async handle(_request, response, context) {
        await end(context);
        response.redirect(303, '/me/administrator');
      },
    }),
    route({
      name: 'become-administrator',
      method: 'post',
      path: '/api/v1/me/administrator',
      access: 'signed-in',
      summary: 'Becoming administrator',
      body: ElevationWish,
      async handle(_request, response, context, wish) {
        const endsAt = await begin(context, wish);
        if (endsAt === null) throw toldToWait();
        response.status(201).json({ endsAt: endsAt.toISOString() });
      },
    }),
    route({
      name: 'end-administrator',
      method: 'post',
      path: '/api/v1/me/administrator/end',
      access: 'signed-in',
      summary: 'Being administrator no longer',
      async handle(_request, response, context) {
        await end(context);
        response.status(204).end();
      },
    }),
    ...administratorRoutes(ports, whose),
  ];
}
