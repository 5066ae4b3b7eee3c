/** What was told to people, and whether one wants to be written to. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { NewsChoices } from '../../app/notification-ports.ts';
import type { GateFiles } from '../../app/configuration-ports.ts';
import { personByNameId } from '../../domain/roster.ts';
import { viewerOf } from '../shared.ts';
import { NotificationPage } from '../views/notification-page.tsx';

export interface NotificationRoutePorts {
  readonly choices: NewsChoices;
  readonly views: { files(): Promise<Pick<GateFiles, 'roster'>> };
  readonly now: () => Date;
}

export function notificationRoutes({ choices, views, now }: NotificationRoutePorts): Route[] {
  return [
    route({
      name: 'show-notifications',
      method: 'get',
      path: '/me/notifications',
      access: 'signed-in',
      summary: 'What was told to people, and whether you want mail.',
      async handle(request, response, context) {
        const { roster } = await views.files();
        const person = personByNameId(roster.roster, viewerOf(context).nameId);
        const [frame, quiet, sent] = await Promise.all([
          frameOf(request, context),
          choices.quiet(),
          choices.sent(),
        ]);
        const wantsMail = person !== null && !quiet.has(person.id);
        sendPage(response, NotificationPage({ frame, person, wantsMail, sent, now: now() }));
      },
    }),
    route({
      name: 'list-notifications',
      method: 'get',
      path: '/api/v1/notifications',
      access: 'signed-in',
      summary: 'What was told to people and channels, newest first.',
      async handle(_request, response) {
        const sent = await choices.sent();
        response.json({
          notifications: sent.map(({ occurredAt, ...rest }) => ({
            ...rest,
            occurredAt: occurredAt.toISOString(),
          })),
        });
      },
    }),
    route({
      name: 'choose-notifications',
      method: 'post',
      path: '/me/notifications',
      access: 'signed-in',
      summary: 'Choosing whether you are written to',
      body: z.strictObject({ mail: z.literal('on').optional() }),
      async handle(_request, response, context, { mail }) {
        const { roster } = await views.files();
        const person = personByNameId(roster.roster, viewerOf(context).nameId);
        if (person === null) {
          throw new HttpError('refused', 'The roster does not name you; nobody writes to you.');
        }
        await choices.choose(person.id, mail === 'on');
        response.redirect(303, '/me/notifications');
      },
    }),
  ];
}
