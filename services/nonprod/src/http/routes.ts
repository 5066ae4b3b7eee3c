/** The route table: what is not in it does not exist. */
import type { Route } from '@airlock/web/route';
import { apiRoutes } from './routes/api.ts';
import { pageRoutes, type PagePorts } from './routes/pages.tsx';
import { webhookRoutes } from './routes/webhooks.ts';

export function nonprodRoutes(
  ports: PagePorts & { readonly webhooks: Parameters<typeof webhookRoutes>[0] },
): Route[] {
  return [...pageRoutes(ports), ...apiRoutes(ports), ...webhookRoutes(ports.webhooks)];
}
