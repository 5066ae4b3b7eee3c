/** Starting a delivery, where the target file asks for a person to do so: from the page, and by machine. */
import { Sha256Hex } from '@airlock/common/wire/scalars';
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { AskDelivery } from '../../app/ask-delivery.ts';
import { pathId, viewerOf } from '../shared.ts';

export interface DeliverPorts {
  readonly askDelivery: AskDelivery;
}

const DeliverBody = z.strictObject({ promotionDigest: Sha256Hex });

export function deliverRoutes({ askDelivery }: DeliverPorts): Route[] {
  return [
    route({
      name: 'start-delivery-form',
      method: 'post',
      path: '/promotions/:id/deliver',
      access: 'signed-in',
      summary: 'Starting the delivery',
      body: DeliverBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await askDelivery(viewerOf(context).nameId, id, body);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: 'start-delivery',
      method: 'post',
      path: '/api/v1/promotions/:id/deliver',
      access: 'signed-in',
      summary: 'Starting the delivery',
      body: DeliverBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await askDelivery(viewerOf(context).nameId, id, body);
        response.status(201).json({ promotion: id });
      },
    }),
  ];
}
