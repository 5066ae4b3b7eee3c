/** The queue narrowed to what somebody looks for. Pure: every list stays in its order. */
import type { ListedPromotion } from '../domain/promotion.ts';
import type { PromotionView } from './view-promotion.ts';
import type { QueueView } from './view-queue.ts';

export type QueueFilter = {
  /** A target's whole name; empty for every target. */
  readonly target: string;
  /** Words that all have to stand somewhere in a row, in any case and order; empty for every row. */
  readonly words: string;
};

export const isNarrow = ({ target, words }: QueueFilter): boolean => target !== '' || words !== '';

/**
 * What of the queue answers the filter. Words are sought in what a row is known by: release, target, id, commit, repository,
 * who asked and why; in the code and the request's id of what was refused.
 *
 * Freezes and credentials that may still work stay, whatever is asked for: a filter hides no warning.
 */
export function narrowQueue(queue: QueueView, filter: QueueFilter): QueueView {
  if (!isNarrow(filter)) return queue;
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
  const answers = (target: string, texts: readonly (string | null)[]): boolean => {
    if (filter.target !== '' && target !== filter.target) return false;
    const text = [target, ...texts].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const listed = ({
    id,
    target,
    release,
    commit,
    repository,
    reason,
    requester,
  }: ListedPromotion) => [target, [id, release, commit, repository, reason, requester]] as const;
  const open = (views: readonly PromotionView[]): readonly PromotionView[] =>
    views.filter(({ promotion, requester }) => {
      const [target, texts] = listed(promotion);
      return answers(target, [...texts, requester?.name ?? null]);
    });
  return {
    ...queue,
    needsYou: open(queue.needsYou),
    inProgress: open(queue.inProgress),
    waitingForOthers: open(queue.waitingForOthers),
    live: queue.live.filter(({ target, promotionId, release, commit }) =>
      answers(target, [promotionId, release, commit]),
    ),
    empty: queue.empty.filter((target) => answers(target, [])),
    ended: queue.ended.filter((promotion) => answers(...listed(promotion))),
    refused: queue.refused.filter(({ claimedTarget, requestId, code, detail }) =>
      answers(claimedTarget, [requestId, code, detail]),
    ),
  };
}

/** Every target that a row of the queue names, sorted. */
export function targetsOf(queue: QueueView): readonly string[] {
  const open = [...queue.needsYou, ...queue.inProgress, ...queue.waitingForOthers];
  const names = [
    ...open.map(({ promotion }) => promotion.target),
    ...[...queue.live, ...queue.ended].map(({ target }) => target),
    ...queue.empty,
  ];
  return [...new Set(names)].sort();
}
