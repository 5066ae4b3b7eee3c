/** Who is told of runs: everybody's own choice, and the rule of a repository. */
import { ChannelName, MailAddress } from '@airlock/notify/settings';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type Viewer } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { NotificationChoices, NotificationRules } from '../../app/notification-ports.ts';
import { NotificationPage } from '../views/notification-page.tsx';
import { requesterOf } from './shared.ts';

const Repository = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/);
const ChoiceForm = z.strictObject({ address: MailAddress, mail: z.literal('on').optional() });
const RuleBody = z.strictObject({
  repository: Repository,
  authors: z.boolean(),
  owners: z.boolean(),
  channels: z.array(ChannelName).max(8),
});

export interface NotificationRoutePorts {
  readonly choices: NotificationChoices;
  readonly rules: NotificationRules;
}

/** Who runs this installation sees what went to everybody: they mend what does not arrive. */
const seesAll = (viewer: Viewer | null): boolean => viewer?.roles.includes('platform') ?? false;

export function notificationRoutes({ choices, rules }: NotificationRoutePorts): Route[] {
  const none = (name: string): HttpError =>
    new HttpError('not-found', `There is no repository ${name}.`);
  return [
    route({
      name: 'show-notifications',
      method: 'get',
      path: '/me/notifications',
      access: 'signed-in',
      summary: 'What you are told, and where',
      async handle(request, response, context) {
        const { id } = requesterOf(context);
        const isEverybodys = seesAll(context.viewer);
        const [frame, choice, sent] = await Promise.all([
          frameOf(request, context),
          choices.of(id),
          choices.sent(isEverybodys ? null : id),
        ]);
        const now = new Date();
        sendPage(response, NotificationPage({ frame, choice, sent, isEverybodys, now }));
      },
    }),
    route({
      name: 'list-notifications',
      method: 'get',
      path: '/api/v1/notifications',
      access: 'signed-in',
      scope: 'read',
      summary: 'What you were sent; to whoever runs this installation, what everybody was',
      async handle(_request, response, context) {
        const { id } = requesterOf(context);
        const sent = await choices.sent(seesAll(context.viewer) ? null : id);
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
      summary: 'Choosing what you are told',
      body: ChoiceForm,
      async handle(_request, response, context, { address, mail }) {
        await choices.choose(requesterOf(context).id, { address, mail: mail === 'on' });
        response.redirect(303, '/me/notifications');
      },
    }),
    route({
      name: 'read-notification-rule',
      method: 'get',
      path: '/api/v1/notification-rule',
      access: 'signed-in',
      scope: 'read',
      summary: 'Who is told of a repository’s runs',
      async handle(request, response) {
        const name = Repository.safeParse(request.query['repository']);
        if (!name.success) {
          throw new HttpError('request-malformed', 'Say of which: ?repository=NAME.');
        }
        const rule = await rules.of(name.data);
        if (rule === null) throw none(name.data);
        response.json({ repository: name.data, ...rule });
      },
    }),
    route({
      name: 'set-notification-rule',
      method: 'put',
      path: '/api/v1/notification-rule',
      access: 'role:developer',
      scope: 'admin',
      summary: 'Setting who is told of a repository’s runs',
      body: RuleBody,
      async handle(_request, response, context, { repository, ...rule }) {
        const { id } = requesterOf(context);
        if (!(await rules.set(repository, rule, id))) throw none(repository);
        response.json({ repository, ...rule });
      },
    }),
  ];
}
