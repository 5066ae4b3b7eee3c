/** Taking an approval back: from the page, and by machine. */
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { Withdraw } from '../../app/withdraw-approval.ts';
import { pathId, viewerOf } from '../shared.ts';
import { PersonsText } from './api.ts';

export interface WithdrawalPorts {
  readonly withdraw: Withdraw;
}

const WithdrawBody = z.strictObject({ reason: PersonsText(500) });

export function withdrawalRoutes({ withdraw }: WithdrawalPorts): Route[] {
  return [
    route({
      name: 'withdraw-approval-form',
      method: 'post',
      path: '/promotions/:id/withdraw',
      access: 'signed-in',
      summary: 'Taking your approval back',
      body: WithdrawBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await withdraw(viewerOf(context).nameId, id, body);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: 'withdraw-approval',
      method: 'post',
      path: '/api/v1/promotions/:id/withdrawal',
      access: 'signed-in',
      summary: 'Taking your approval back',
      body: WithdrawBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        response.status(201).json(await withdraw(viewerOf(context).nameId, id, body));
      },
    }),
  ];
}
