import { mayAskForPromotion, type Refusal } from '../domain/promotable.ts';
import type { Events } from '../events.ts';
import type { Bell, NewId, PromotionRequestStore } from './ports.ts';

export interface PromotionWish {
  readonly candidateId: string;
  readonly target: string;
  readonly reason: string;
  /** `id` is the NameID as the identity provider sent it, so that the gate can find the person by its own roster. */
  readonly requester: { readonly id: string; readonly idp: string; readonly name: string };
}

export type AskAnswer =
  | { readonly kind: 'asked'; readonly id: string }
  | { readonly kind: 'no-such-candidate' }
  | { readonly kind: 'refused'; readonly reasons: readonly [Refusal, ...Refusal[]] };

/** Takes down a request to promote a candidate. Nothing is signed here: the scheduler does that. */
export function createAskPromotion(ports: {
  readonly requests: PromotionRequestStore;
  readonly bell: Bell;
  readonly events: Events;
  readonly newId: NewId;
}): (wish: PromotionWish) => Promise<AskAnswer> {
  const { requests, bell, events, newId } = ports;
  return async (wish) => {
    const candidate = await requests.candidate(wish.candidateId);
    if (candidate === null) return { kind: 'no-such-candidate' };
    const verdict = mayAskForPromotion(candidate, wish);
    if (!verdict.allowed) return { kind: 'refused', reasons: verdict.reasons };
    const { id, created } = await requests.ask({
      id: newId('prq'),
      candidateId: candidate.id,
      target: wish.target,
      reason: wish.reason.trim(),
      requester: wish.requester,
    });
    if (created) {
      events.promotionAsked({
        id,
        candidateId: candidate.id,
        target: wish.target,
        requester: wish.requester.id,
      });
    }
    bell.ring(id);
    return { kind: 'asked', id };
  };
}
