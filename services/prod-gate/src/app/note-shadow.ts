/** Records where rules on trial differ from those in force, once for each change of what they say. */
import { shadowDifference } from '../domain/shadow.ts';
import type { PromotionFacts } from '../domain/verdict.ts';
import type { ShadowStore } from './shadow-ports.ts';

/**
 * @param onFault told when a difference cannot be recorded: no decision waits for it or fails by it.
 * @returns what to call with the facts of each judgement, outside of any lock of the promotion.
 */
export function createShadowNotes(given: {
  readonly store: Pick<ShadowStore, 'note'>;
  readonly onFault: (promotionId: string, cause: unknown) => void;
}): (facts: PromotionFacts) => Promise<void> {
  const said = new Map<string, string>();
  return async (facts) => {
    const { promotion } = facts;
    try {
      const difference = shadowDifference(facts);
      const key = difference === null ? '' : JSON.stringify(difference);
      if ((said.get(promotion.id) ?? '') === key) return;
      if (difference !== null) await given.store.note(promotion, difference, facts.now);
      if (said.size >= mostRemembered) said.clear();
      said.set(promotion.id, key);
    } catch (cause) {
      given.onFault(promotion.id, cause);
    }
  };
}

/** One promotion waits per target; what is forgotten is noted once more. */
const mostRemembered = 1000;
