import { isSuspicious } from '../domain/watch/flag.ts';
import { reviewRefusal } from '../domain/watch/review.ts';
import type { Events } from '../events.ts';
import type { ReviewStore } from './look-ports.ts';

export type ReviewAnswer =
  | { readonly kind: 'reviewed' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Writes down that somebody looked at a run that is suspicious; from then on it may be asked for. Once, and for good. */
export function createReviewRun(ports: {
  readonly reviews: ReviewStore;
  readonly events: Pick<Events, 'runReviewed'>;
}): (
  runId: string,
  person: { readonly id: string; readonly name: string },
  reason: string,
) => Promise<ReviewAnswer> {
  const { reviews, events } = ports;
  return async (runId, { id, name }, reason) => {
    const theirs = await reviews.theirs(runId);
    if (theirs === null) return { kind: 'not-found' };
    if (!isSuspicious((await reviews.of(runId)).flags)) {
      return { kind: 'refused', reason: 'Nothing about this run is suspicious.' };
    }
    const refusal = reviewRefusal(theirs, id);
    if (refusal !== null) return { kind: 'refused', reason: refusal };
    if (!(await reviews.review(runId, { reason, by: id, name }))) {
      return { kind: 'refused', reason: 'Somebody has looked at this run already.' };
    }
    events.runReviewed(runId, reason, id);
    return { kind: 'reviewed' };
  };
}
