/** Break-glass and the override of windows: asking for them, taking that back, and looking at what was delivered so. */
import { route, type Route } from '@airlock/web/route';
import { sendPage } from '@airlock/web/page';
import { frameOf } from '@airlock/web/server';
import { waiverKinds, type WaiverKind } from '@airlock/common/promotion/waiver';
import { z } from 'zod';
import type { WaiverAsking } from '../../app/ask-waiver.ts';
import type { Reviewing } from '../../app/review-waiver.ts';
import type { ShownUse } from '../../app/view-reviews.ts';
import { requestOptions, type RelyingParty } from '../ceremonies.ts';
import { pathId, viewerOf } from '../shared.ts';
import { ReviewsPage } from '../views/reviews-page.tsx';
import { AssertionBody, Nonce, PersonsText } from './api.ts';

export interface WaiverPorts {
  readonly relyingParty: RelyingParty;
  readonly waivers: {
    readonly asking: WaiverAsking;
    readonly reviewing: Reviewing;
    view(): Promise<readonly ShownUse[]>;
  };
  readonly now: () => Date;
}

const AskBody = z.strictObject({ justification: PersonsText(500) });
const Empty = z.strictObject({});
const ReviewBody = z.strictObject({ nonce: Nonce, note: z.literal(''), answer: AssertionBody });

export function waiverRoutes(ports: WaiverPorts): Route[] {
  return [...waiverKinds.flatMap((kind) => askRoutes(ports, kind)), ...reviewRoutes(ports)];
}

const summaries: Readonly<Record<WaiverKind, readonly [ask: string, withdraw: string]>> = {
  'break-glass': ['Asking for break-glass', 'Taking break-glass back'],
  override: ['Overriding the windows', 'Taking the override back'],
};

function askRoutes({ waivers: { asking } }: WaiverPorts, kind: WaiverKind): Route[] {
  const [askSummary, withdrawSummary] = summaries[kind];
  const path = `/promotions/:id/${kind}`;
  return [
    route({
      name: `${kind}-form`,
      method: 'post',
      path,
      access: 'signed-in',
      summary: askSummary,
      body: AskBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await asking.ask(viewerOf(context).nameId, id, { kind, ...body });
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: `withdraw-${kind}-form`,
      method: 'post',
      path: `${path}/withdraw`,
      access: 'signed-in',
      summary: withdrawSummary,
      body: Empty,
      async handle(request, response, context) {
        const id = pathId(request, 'prm');
        await asking.withdraw(viewerOf(context).nameId, id, kind);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: `ask-${kind}`,
      method: 'post',
      path: `/api/v1${path}`,
      access: 'signed-in',
      summary: askSummary,
      body: AskBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await asking.ask(viewerOf(context).nameId, id, { kind, ...body });
        response.status(201).json({ promotion: id });
      },
    }),
    route({
      name: `withdraw-${kind}`,
      method: 'post',
      path: `/api/v1${path}/withdrawal`,
      access: 'signed-in',
      summary: withdrawSummary,
      body: Empty,
      async handle(request, response, context) {
        const id = pathId(request, 'prm');
        await asking.withdraw(viewerOf(context).nameId, id, kind);
        response.status(201).json({ promotion: id });
      },
    }),
  ];
}

function reviewRoutes({ relyingParty, waivers, now }: WaiverPorts): Route[] {
  const { reviewing } = waivers;
  return [
    route({
      name: 'show-reviews',
      method: 'get',
      path: '/reviews',
      access: 'signed-in',
      summary: 'What was delivered by break-glass or outside its windows, and who looked at it.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const uses = await waivers.view();
        sendPage(response, ReviewsPage({ frame, uses, now: now() }));
      },
    }),
    route({
      name: 'list-reviews',
      method: 'get',
      path: '/api/v1/reviews',
      access: 'signed-in',
      summary: 'What was delivered by break-glass or outside its windows, and who looked at it.',
      async handle(_request, response) {
        response.json({ reviews: (await waivers.view()).map(useJson) });
      },
    }),
    route({
      name: 'begin-review',
      method: 'post',
      path: '/api/v1/reviews/:id/options',
      access: 'signed-in',
      summary: 'Looking at a delivery that passed without something',
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
      summary: 'Looking at a delivery that passed without something',
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
  kind: use.kind,
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
