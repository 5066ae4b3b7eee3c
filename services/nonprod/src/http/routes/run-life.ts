/** Runs that somebody does not want any more, or wants once more: by form and by machine. */
import { z } from 'zod';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import type { Canceller } from '../../app/cancel-ports.ts';
import type { CancelAnswer } from '../../app/cancel-run.ts';
import type { RetryAnswer, RetryOptions } from '../../app/retry-run.ts';
import type { ReviewAnswer } from '../../app/review-run.ts';
import { ReviewReason } from '../../domain/watch/review.ts';
import { pathId, requesterOf } from './shared.ts';

export interface RunLifePorts {
  readonly cancelRun: (runId: string, person: Canceller) => Promise<CancelAnswer>;
  readonly reviewRun: (runId: string, person: Canceller, reason: string) => Promise<ReviewAnswer>;
  readonly retryRun: (runId: string, person: string, options: RetryOptions) => Promise<RetryAnswer>;
}

const RetryBody = z.strictObject({ onlyFailed: z.boolean().default(false) });
const ReviewBody = z.strictObject({ reason: ReviewReason });
const RetryForm = z.object({
  onlyFailed: z
    .literal('yes')
    .optional()
    .transform((value) => value === 'yes'),
});

/** What was done. @throws HttpError for what was not. */
function done<Answer extends CancelAnswer | RetryAnswer | ReviewAnswer>(
  answer: Answer,
): Exclude<Answer, { kind: 'not-found' } | { kind: 'refused' }> {
  if (answer.kind === 'not-found') throw new HttpError('not-found', 'There is no run of that id.');
  if (answer.kind === 'refused') throw new HttpError('conflict', answer.reason);
  // What is left of the union; the compiler does not narrow a type parameter.
  return answer as Exclude<Answer, { kind: 'not-found' } | { kind: 'refused' }>;
}

export function runLifeRoutes({ cancelRun, retryRun, reviewRun }: RunLifePorts): Route[] {
  return [
    route({
      name: 'cancel-run-by-form',
      method: 'post',
      path: '/runs/:id/cancel',
      access: 'role:developer',
      summary: 'Cancelling a run',
      async handle(request, response, context) {
        const id = pathId(request, 'run');
        done(await cancelRun(id, requesterOf(context)));
        response.redirect(303, `/runs/${id}`);
      },
    }),
    route({
      name: 'cancel-run',
      method: 'post',
      path: '/api/v1/runs/:id/cancel',
      access: 'role:developer',
      scope: 'run',
      summary: 'Cancelling a run',
      async handle(request, response, context) {
        const id = pathId(request, 'run');
        const { state } = done(await cancelRun(id, requesterOf(context)));
        response.status(202).json({ id, state, page: `/runs/${id}` });
      },
    }),
    route({
      name: 'retry-run-by-form',
      method: 'post',
      path: '/runs/:id/retry',
      access: 'role:developer',
      summary: 'Retrying a run',
      body: RetryForm,
      async handle(request, response, context, options) {
        const id = pathId(request, 'run');
        done(await retryRun(id, requesterOf(context).id, options));
        // It is made in a moment; until then the page of the old one tells of it.
        response.redirect(303, `/runs/${id}`);
      },
    }),
    route({
      name: 'retry-run',
      method: 'post',
      path: '/api/v1/runs/:id/retry',
      access: 'role:developer',
      scope: 'run',
      summary: 'Retrying a run, or with onlyFailed what of it did not pass',
      body: RetryBody,
      async handle(request, response, context, options) {
        const retryOf = pathId(request, 'run');
        const { id, commit } = done(await retryRun(retryOf, requesterOf(context).id, options));
        response.status(202).json({ id, retryOf, commit, page: `/runs/${id}` });
      },
    }),
    // Without a scope: a person looks, and no program.
    route({
      name: 'review-run-by-form',
      method: 'post',
      path: '/runs/:id/review',
      access: 'role:developer',
      summary: 'Having looked at a suspicious run',
      body: ReviewBody,
      async handle(request, response, context, { reason }) {
        const id = pathId(request, 'run');
        done(await reviewRun(id, requesterOf(context), reason));
        response.redirect(303, `/runs/${id}`);
      },
    }),
    route({
      name: 'review-run',
      method: 'post',
      path: '/api/v1/runs/:id/review',
      access: 'role:developer',
      summary: 'Having looked at a suspicious run',
      body: ReviewBody,
      async handle(request, response, context, { reason }) {
        const id = pathId(request, 'run');
        done(await reviewRun(id, requesterOf(context), reason));
        response.status(201).json({ id, reason, page: `/runs/${id}` });
      },
    }),
  ];
}
