/** The same by machine: what the pages show, and the things that they do. The command line and the pages' scripts use it. */
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { Decisions } from '../../app/approve-promotion.ts';
import { checksOf } from '../../app/checks.ts';
import type { DeliveryStore } from '../../app/delivery-ports.ts';
import type { PromotionQueries } from '../../app/query-ports.ts';
import type { VaultSessionStore } from '../../app/vault-session-ports.ts';
import { viewPromotionDetails } from '../../app/view-promotion.ts';
import { narrowQueue } from '../../app/narrow-queue.ts';
import { viewQueue, type QueueSources } from '../../app/view-queue.ts';
import { approvalOptions, type RelyingParty } from '../ceremonies.ts';
import { deliveryJson, detailsJson, differenceJson, leaseJson, queueJson } from '../json.ts';
import { queueFilterOf } from '../queue-filter.ts';
import { nothing, pathId, viewerOf } from '../shared.ts';

export interface ApiPorts {
  readonly relyingParty: RelyingParty;
  readonly views: QueueSources;
  readonly queries: PromotionQueries;
  readonly deliveries: Pick<DeliveryStore, 'find' | 'log'>;
  readonly sessions: Pick<VaultSessionStore, 'ofDelivery'>;
  readonly decisions: Decisions;
  readonly now: () => Date;
}

const listedLeases = 100;
const listedLines = 1000;

const Base64Url = z
  .string()
  .max(16 * 1024)
  .regex(/^[A-Za-z0-9_-]+$/, 'expected base64url without padding');
export const Nonce = Base64Url.max(64);

/** Free text of a person: whole characters, nothing that moves a terminal's cursor. A browser ends the lines of a form by CR LF. */
export const PersonsText = (longest: number) =>
  z
    .string()
    .trim()
    .overwrite((text) => text.replaceAll('\r\n', '\n'))
    .max(longest)
    .refine((text) => text.isWellFormed(), 'not well-formed text')
    // eslint-disable-next-line no-control-regex -- these are the characters to keep out
    .refine((text) => !/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text), 'holds control characters');

/** The browser's answer; members that nothing is decided on are left aside. */
export const AssertionBody = z.object({
  id: Base64Url,
  response: z.object({
    clientDataJSON: Base64Url,
    authenticatorData: Base64Url,
    signature: Base64Url,
  }),
});

const ApproveBody = z.strictObject({
  nonce: Nonce,
  note: PersonsText(500),
  answer: AssertionBody,
});

const Empty = z.strictObject({});

/** Digest of the document that the page showed, `?shown=`: null from whoever showed none. */
function shownIn({ shown = null }: Readonly<Record<string, unknown>>): string | null {
  if (shown === null) return null;
  if (typeof shown === 'string' && /^[0-9a-f]{64}$/.test(shown)) return shown;
  throw new HttpError('request-malformed', 'shown: expected the digest of a document, 64 digits.');
}

/** The line of a log after which lines are wanted; all of them where none is named. */
function lineAsked(after: unknown): number {
  if (after === undefined) return 0;
  const line = typeof after === 'string' && /^\d{1,9}$/.test(after) ? Number(after) : null;
  if (line !== null) return line;
  throw new HttpError('request-malformed', 'after: expected the sequence of a line, such as 120.');
}

export function apiRoutes(ports: ApiPorts): Route[] {
  return [...readRoutes(ports), ...ceremonyRoutes(ports)];
}

function readRoutes(ports: ApiPorts): Route[] {
  const { views, queries, deliveries, sessions } = ports;
  return [
    route({
      name: 'show-me',
      method: 'get',
      path: '/api/v1/me',
      access: 'signed-in',
      summary: 'Who is signed in, and the token that every change needs.',
      handle(_request, response, { viewer, csrfToken }) {
        response.json({ viewer, csrfToken });
      },
    }),
    route({
      name: 'read-queue',
      method: 'get',
      path: '/api/v1/queue',
      access: 'signed-in',
      summary:
        'What waits, what runs, what is live, what was refused; of one target or with some words.',
      async handle(request, response, context) {
        const { nameId } = viewerOf(context);
        const filter = queueFilterOf(request.query);
        const now = ports.now();
        response.json(queueJson(narrowQueue(await viewQueue(views, { nameId, now }), filter), now));
      },
    }),
    route({
      name: 'read-promotion',
      method: 'get',
      path: '/api/v1/promotions/:id',
      access: 'signed-in',
      summary: 'One promotion with every check and what changes.',
      async handle(request, response, context) {
        const { nameId } = viewerOf(context);
        const promotionId = pathId(request, 'prm');
        const view = await viewPromotionDetails(views, { promotionId, nameId, now: ports.now() });
        if (view === null) throw nothing('promotion');
        response.json(detailsJson(view, checksOf(view), ports.now()));
      },
    }),
    route({
      name: 'read-promotion-difference',
      method: 'get',
      path: '/api/v1/promotions/:id/diff',
      access: 'signed-in',
      summary: 'What a promotion changes on its target, against what is live there.',
      async handle(request, response) {
        const { against = 'live' } = request.query;
        if (against !== 'live') {
          throw new HttpError(
            'request-malformed',
            'against: expected live, which is what approvers sign the difference to.',
          );
        }
        const id = pathId(request, 'prm');
        const promotion = await views.promotions.find(id);
        if (promotion === null) throw nothing('promotion');
        response.json(differenceJson({ promotion, newer: await views.newer.of(id) }));
      },
    }),
    route({
      name: 'read-delivery',
      method: 'get',
      path: '/api/v1/deliveries/:id',
      access: 'signed-in',
      summary: 'One delivery with its credential and the log of its hook.',
      async handle(request, response) {
        const id = pathId(request, 'dlv');
        const delivery = await deliveries.find(id);
        if (delivery === null) throw nothing('delivery');
        const after = lineAsked(request.query['after']);
        const [session, log] = await Promise.all([
          sessions.ofDelivery(id),
          deliveries.log(id, { after, limit: listedLines }),
        ]);
        response.json(deliveryJson(delivery, session, log));
      },
    }),
    route({
      name: 'list-leases',
      method: 'get',
      path: '/api/v1/leases',
      access: 'signed-in',
      summary: 'Credentials that live, and those that lived lately.',
      async handle(_request, response) {
        response.json({ leases: (await queries.leases(listedLeases)).map(leaseJson) });
      },
    }),
  ];
}

function ceremonyRoutes({ relyingParty, decisions }: ApiPorts): Route[] {
  return [
    route({
      name: 'begin-approval',
      method: 'post',
      path: '/api/v1/promotions/:id/decisions/options',
      access: 'signed-in',
      summary: 'Approving',
      body: Empty,
      async handle(request, response, context) {
        const id = pathId(request, 'prm');
        const { nameId } = viewerOf(context);
        const shown = shownIn(request.query);
        const ceremony = await decisions.beginApproval(nameId, id, shown);
        response.json(approvalOptions(relyingParty, ceremony));
      },
    }),
    route({
      name: 'approve-promotion',
      method: 'post',
      path: '/api/v1/promotions/:id/decisions',
      access: 'signed-in',
      summary: 'Approving',
      body: ApproveBody,
      async handle(request, response, context, { nonce, note, answer }) {
        const id = pathId(request, 'prm');
        const approved = await decisions.approve(viewerOf(context).nameId, id, {
          nonce,
          note,
          answer: { credentialId: answer.id, ...answer.response },
        });
        response.status(201).json(approved);
      },
    }),
  ];
}
