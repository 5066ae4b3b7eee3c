/** Break-glass: asking for it, taking that back, and looking at what was delivered so. */
import { route, type Route } from '@airlock/web/route';
import { sendPage } from '@airlock/web/page';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { BreakGlassAsking } from '../../app/ask-break-glass.ts';
import type { Reviewing } from '../../app/review-break-glass.ts';
import type { ShownUse } from '../../app/view-reviews.ts';
import { requestOptions, type RelyingParty } from '../ceremonies.ts';
import { pathId, viewerOf } from '../shared.ts';
import { ReviewsPage } from '../views/reviews-page.tsx';
import { AssertionBody, Nonce, PersonsText } from './api.ts';

export interface BreakGlassPorts {
  readonly relyingParty: RelyingParty;
  readonly breakGlass: {
    readonly asking: BreakGlassAsking;
    readonly reviewing: Reviewing;
    view(): Promise<readonly ShownUse[]>;
  };
  readonly now: () => Date;
}

const AskBody = z.strictObject({ justification: PersonsText(500) });
const Empty = z.strictObject({});
const ReviewBody = z.strictObject({ nonce: Nonce, note: z.literal(''), answer: AssertionBody });

export function breakGlassRoutes(ports: BreakGlassPorts): Route[] {
  return [...askRoutes(ports), ...reviewRoutes(ports)];
}

function askRoutes({ breakGlass: { asking } }: BreakGlassPorts): Route[] {
  return [
    route({
      name: 'break-glass-form',
      method: 'post',
      path: '/promotions/:id/break-glass',
      access: 'signed-in',
      summary: 'Asking for break-glass',
      body: AskBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await asking.ask(viewerOf(context).nameId, id, body);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: 'withdraw-break-glass-form',
      method: 'post',
      path: '/promotions/:id/break-glass/withdraw',
      access: 'signed-in',
      summary: 'Taking break-glass back',
      body: Empty,
      async handle(request, response, context) {
        const id = pathId(request, 'prm');
        await asking.withdraw(viewerOf(context).nameId, id);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: 'ask-break-glass',
      method: 'post',
      path: '/api/v1/promotions/:id/break-glass',
      access: 'signed-in',
      summary: 'Asking for break-glass',
      body: AskBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await asking.ask(viewerOf(context).nameId, id, body);
        response.status(201).json({ promotion: id });
      },
    }),
    route({
      name: 'withdraw-break-glass',
      method: 'post',
      path: '/api/v1/promotions/:id/break-glass/withdrawal',
      access: 'signed-in',
      summary: 'Taking break-glass back',
      body: Empty,
      async handle(request, response, context) {
        const id = pathId(request, 'prm');
        await asking.withdraw(viewerOf(context).nameId, id);
        response.status(201).json({ promotion: id });
      },
    }),
  ];
}

function reviewRoutes({ relyingParty, breakGlass, now }: BreakGlassPorts): Route[] {
  const { reviewing } = breakGlass;
  return [
    route({
      name: 'show-reviews',
      method: 'get',
      path: '/reviews',
      access: 'signed-in',
      summary: 'What was delivered by break-glass, and who looked at it.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const uses = await breakGlass.view();
        sendPage(response, ReviewsPage({ frame, uses, now: now() }));
      },
    }),
    route({
      name: 'list-reviews',
      method: 'get',
      path: '/api/v1/reviews',
      access: 'signed-in',
      summary: 'What was delivered by break-glass, and who looked at it.',
      async handle(_request, response) {
        response.json({ reviews: (await breakGlass.view()).map(useJson) });
      },
    }),
    route({
      name: 'begin-review',
      method: 'post',
      path: '/api/v1/reviews/:id/options',
      access: 'signed-in',
      summary: 'Looking at a break-glass delivery',
      body: Empty,
      async handle(request, response, context) {
        const ceremony = await reviewing.begin(viewerOf(context).nameId, pathId(request, 'dlv'));
        response.json({
          options: requestOptions(relyingParty, ceremony),
          nonce: ceremony.nonce,
          statement: ceremony.statement,
          promotionDigest: ceremony.digest,
        });
      },
    }),
    route({
      name: 'sign-review',
      method: 'post',
      path: '/api/v1/reviews/:id',
      access: 'signed-in',
      summary: 'Looking at a break-glass delivery',
      body: ReviewBody,
      async handle(request, response, context, { nonce, answer }) {
        const signed = await reviewing.sign(viewerOf(context).nameId, pathId(request, 'dlv'), {
          nonce,
          answer: { credentialId: answer.id, ...answer.response },
        });
        response.status(201).json(signed);
      },
    }),
  ];
}

const useJson = ({ use, justification, signedBy }: ShownUse) => ({
  delivery: use.deliveryId,
  promotion: use.promotionId,
  promotionDigest: use.promotionDigest,
  target: use.target,
  release: use.release,
  at: use.at.toISOString(),
  involved: use.involved,
  justification,
  reviews: use.reviews,
  reviewBy: use.reviewBy.toISOString(),
  reviewedAt: use.reviewed?.at.toISOString() ?? null,
  signedBy,
});
