/** Returning a target to a release that was live there before: the page, and the same by machine. */
import { migrationAnswers } from '@airlock/common/promotion/document';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { Returning } from '../../app/ask-return.ts';
import type { ProvenDelivery } from '../../domain/ledger-facts.ts';
import { migrationsSince } from '../../domain/return.ts';
import { viewerOf } from '../shared.ts';
import { ReturnPage } from '../views/return-page.tsx';
import { PersonsText } from './api.ts';

export interface ReturnPorts {
  readonly returning: Returning;
  readonly now: () => Date;
}

const To = z.string().min(1).max(128);
const Path = z.string().min(1).max(4096);
const Answer = z.enum(migrationAnswers);
const mostAnswers = 200;

const ReturnBody = z.strictObject({
  to: To.describe('A release that was live before, or the delivery by which it was.'),
  answers: z
    .array(z.strictObject({ path: Path, answer: Answer }))
    .max(mostAnswers)
    .default([]),
  reason: PersonsText(500),
});

/** As the page's form sends it: `path-0` and `answer-0` and so on; an answer that is left open is empty. */
const ReturnForm = z
  .object({ to: To, reason: PersonsText(500) })
  .catchall(z.string().max(4096))
  .transform(({ to, reason, ...fields }) => ({
    ...{ to, reason },
    answers: Object.entries(fields).flatMap(([name, path]) => {
      const place = /^path-(\d{1,3})$/.exec(name)?.[1];
      const answer = Answer.safeParse(fields[`answer-${place ?? ''}`]);
      return place === undefined || !answer.success ? [] : [{ path, answer: answer.data }];
    }),
  }));

export function returnRoutes({ returning, now }: ReturnPorts): Route[] {
  return [
    route({
      name: 'show-return',
      method: 'get',
      path: '/targets/:target/return',
      access: 'signed-in',
      summary: 'Releases that were live on a target before, and what a return to one takes back.',
      async handle(request, response, context) {
        const target = targetIn(request);
        const { to, asked } = request.query;
        const [earlier, frame, outcome] = await Promise.all([
          returning.earlier(target),
          frameOf(request, context),
          typeof asked === 'string' ? returning.outcome(asked) : null,
        ]);
        if (outcome?.state === 'taken') {
          response.redirect(303, `/promotions/${outcome.promotionId}`);
          return;
        }
        const picked = typeof to === 'string' ? await returning.ground(target, to) : null;
        const view = { ...earlier, target, picked, outcome };
        sendPage(response, ReturnPage({ frame, view, now: now() }));
      },
    }),
    route({
      name: 'return-form',
      method: 'post',
      path: '/targets/:target/return',
      access: 'signed-in',
      summary: 'Asking for a return',
      body: ReturnForm,
      async handle(request, response, context, wish) {
        const target = targetIn(request);
        const { id, outcome } = await returning.ask(viewerOf(context).nameId, target, wish);
        response.redirect(
          303,
          outcome.state === 'taken'
            ? `/promotions/${outcome.promotionId}`
            : `/targets/${target}/return?asked=${id}`,
        );
      },
    }),
    route({
      name: 'read-return',
      method: 'get',
      path: '/api/v1/targets/:target/return',
      access: 'signed-in',
      summary: 'The same by machine; with `to`, the migrations that a return has to answer for.',
      async handle(request, response) {
        const target = targetIn(request);
        const { to } = request.query;
        const { live, earlier } = await returning.earlier(target);
        const named = earlier.find(
          ({ deliveryId, release }) => deliveryId === to || release === to,
        );
        const read = named === undefined ? null : await returning.ground(target, named.deliveryId);
        response.json({
          target,
          live: live === null ? null : deliveredJson(live),
          earlier: earlier.map(deliveredJson),
          fault: read !== null && 'fault' in read ? read.fault : null,
          migrations: read === null || 'fault' in read ? null : migrationsSince(read.ground),
        });
      },
    }),
    route({
      name: 'ask-return',
      method: 'post',
      path: '/api/v1/targets/:target/return',
      access: 'signed-in',
      summary: 'Asking for a return',
      body: ReturnBody,
      async handle(request, response, context, wish) {
        const target = targetIn(request);
        const { id, outcome } = await returning.ask(viewerOf(context).nameId, target, wish);
        response
          .status(outcome.state === 'taken' ? 201 : 202)
          .json({ id, promotion: outcome.state === 'taken' ? outcome.promotionId : null });
      },
    }),
  ];
}

function targetIn(request: Request): string {
  const name = String(request.params['target']);
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return name;
  throw new HttpError('not-found', 'No target has this name; see /targets.');
}

const deliveredJson = ({ deliveryId, release, commit, liveSince, ...rest }: ProvenDelivery) => ({
  ...{ delivery: deliveryId, promotion: rest.promotionId, release, commit },
  artifactDigest: rest.artifactDigest,
  liveSince: liveSince?.toISOString() ?? null,
});
