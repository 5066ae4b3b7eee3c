import { z } from 'zod';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import type { AskAnswer, PromotionWish } from '../../app/ask-promotion.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import type { PageQueries } from '../../app/page-queries.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { candidateJson, promotionJson, runDetailsJson, runJson } from '../json.ts';
import { pathId, requesterOf } from './shared.ts';

const listLength = 50;

/** Bounds as in the signer's protocol; reasons are shown whole to every approver. */
export const AskBody = z.strictObject({
  target: z.string().min(1).max(63),
  reason: z
    .string()
    .max(1000)
    .refine((text) => text.isWellFormed(), 'not well-formed text'),
});

const maxListLength = 200;

function limitOf(asked: unknown): number {
  if (asked === undefined) return listLength;
  const limit = typeof asked === 'string' && /^[1-9]\d{0,2}$/.test(asked) ? Number(asked) : 0;
  if (limit >= 1 && limit <= maxListLength) return limit;
  throw new HttpError('request-malformed', `limit is a number from 1 to ${maxListLength}.`);
}

/** The same by machine: what a page shows, and the one thing that a page does. */
export function apiRoutes(ports: {
  readonly queries: PageQueries;
  readonly sight: Pick<SightStore, 'hiddenFrom'>;
  askPromotion(wish: PromotionWish): Promise<AskAnswer>;
}): Route[] {
  const { queries, sight } = ports;
  return [
    route({
      name: 'show-me',
      method: 'get',
      path: '/api/v1/me',
      access: 'signed-in',
      scope: 'read',
      summary: 'Who is signed in, and the token that every change needs.',
      handle(_request, response, { viewer, csrfToken }) {
        response.json({ viewer, csrfToken });
      },
    }),
    route({
      name: 'list-runs',
      method: 'get',
      path: '/api/v1/runs',
      access: 'signed-in',
      scope: 'read',
      summary: 'The newest runs: limit (1 to 200, else 50).',
      async handle(request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const limit = limitOf(request.query['limit']);
        response.json({ runs: (await queries.runs(limit, { hidden })).map(runJson) });
      },
    }),
    route({
      name: 'read-run',
      method: 'get',
      path: '/api/v1/runs/:id',
      access: 'signed-in',
      scope: 'read',
      summary: 'One run with its steps.',
      async handle(request, response) {
        const run = await queries.run(pathId(request, 'run'));
        if (run === null) throw new HttpError('not-found', 'There is no run of that id.');
        response.json(runDetailsJson(run));
      },
    }),
    route({
      name: 'list-candidates',
      method: 'get',
      path: '/api/v1/candidates',
      access: 'signed-in',
      scope: 'read',
      summary: 'The newest signed builds of main.',
      async handle(_request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const candidates = await queries.candidates(listLength, hidden);
        response.json({ candidates: candidates.map(candidateJson) });
      },
    }),
    route({
      name: 'ask-promotion',
      method: 'post',
      path: '/api/v1/candidates/:id/promotions',
      access: 'role:developer',
      scope: 'promote',
      summary: 'Asking for promotion',
      body: AskBody,
      async handle(request, response, context, { target, reason }) {
        const answer = await ports.askPromotion({
          candidateId: pathId(request, 'cand'),
          target,
          reason,
          requester: requesterOf(context),
        });
        if (answer.kind === 'no-such-candidate') {
          throw new HttpError('not-found', 'There is no candidate of that id.');
        }
        if (answer.kind === 'refused') {
          throw new HttpError('refused', answer.reasons.map(({ text }) => text).join(' '), {
            codes: answer.reasons.map(({ code }) => code),
          });
        }
        response.status(201).json({ id: answer.id, page: `/promotions/${answer.id}` });
      },
    }),
    route({
      name: 'read-promotion',
      method: 'get',
      path: '/api/v1/promotions/:id',
      access: 'signed-in',
      scope: 'read',
      summary: 'One request, and what the gate reported of it.',
      async handle(request, response) {
        const promotion = await queries.promotion(pathId(request, 'prq'));
        if (promotion === null) throw new HttpError('not-found', 'There is no request of that id.');
        response.json(promotionJson(promotion, await queries.gateSeenAt()));
      },
    }),
  ];
}
