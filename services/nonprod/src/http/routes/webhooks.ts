import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { webhookSignatureHolds } from '../../adapters/webhook-signature.ts';
import type { Bell, WebhookStore } from '../../app/ports.ts';
import { lookAtRepository } from '../../bells.ts';
import type { Events } from '../../events.ts';

export type WebhookProvider = 'github' | 'gitea';

/** Gitea sends GitHub's headers as well as its own. */
const headers: Readonly<Record<WebhookProvider, { delivery: string; event: string }>> = {
  github: { delivery: 'x-github-delivery', event: 'x-github-event' },
  gitea: { delivery: 'x-gitea-delivery', event: 'x-gitea-event' },
};

/**
 * A webhook is a hint that the repository may have changed, and its body is never read: the scheduler looks for itself.
 * So that the hint cannot be used to keep the scheduler busy, it is signed, and each delivery counts once.
 */
export function webhookRoutes(ports: {
  readonly secrets: ReadonlyMap<WebhookProvider, string>;
  readonly deliveries: WebhookStore;
  readonly bell: Bell;
  readonly events: Events;
}): Route[] {
  return [...ports.secrets].map(([provider, secret]) =>
    route({
      name: `receive-${provider}-webhook`,
      method: 'post',
      path: `/hooks/git/${provider}`,
      access: 'public',
      machine: true,
      summary: 'Wakes the scheduler; HMAC over the raw body.',
      async handle(request, response) {
        const body: unknown = request.body;
        const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
        if (!webhookSignatureHolds(secret, bytes, request.get('x-hub-signature-256'))) {
          throw new HttpError(
            'signature-refused',
            `X-Hub-Signature-256 is missing or not made with this hook's secret; set the same secret at ${provider} and in webhooks.`,
          );
        }
        const id = request.get(headers[provider].delivery) ?? '';
        const event = request.get(headers[provider].event) ?? '';
        if (!/^[\w-]{1,128}$/.test(id) || !/^[\w-]{1,64}$/.test(event)) {
          throw new HttpError(
            'request-malformed',
            `${headers[provider].delivery} and ${headers[provider].event} are needed.`,
          );
        }
        const isNew = await ports.deliveries.firstTime({ provider, id, event });
        ports.events.webhookTaken({ provider, id, event, repeated: !isNew });
        if (isNew) ports.bell.ring(lookAtRepository);
        response.status(202).json({ delivery: id, repeated: !isNew });
      },
    }),
  );
}
