/** Starting a delivery by hand, put together for the gate's pages. */
import type { GateDatabase } from './adapters/postgres/client.ts';
import { recorder } from './adapters/postgres/ledger-store.ts';
import { createDeliveryAsking, type AskDelivery } from './app/ask-delivery.ts';
import type { ChangeSources } from './app/changed-since.ts';
import { ledgerFacts, type FactSources } from './app/fact-sources.ts';
import { gatherFacts } from './app/gather-facts.ts';
import type { PromotionStore } from './app/promotion-ports.ts';
import { evaluatePromotion } from './domain/verdict.ts';

export function createStarting(parts: {
  readonly views: FactSources &
    ChangeSources & { readonly promotions: Pick<PromotionStore, 'lock'> };
  readonly database: GateDatabase;
  readonly ringDeliverer: (promotionId: string) => void;
  readonly now: () => Date;
}): AskDelivery {
  const { views, database, ringDeliverer, now } = parts;
  return createDeliveryAsking({
    ...{ database, recorder, now, ringDeliverer },
    ...{ promotions: views.promotions, replaced: views.replaced, files: () => views.files() },
    async judge(promotionId, at) {
      // Before the judgement: what it knows beyond that takes nothing back that it did not see.
      const ledger = await ledgerFacts(views);
      const through = 'fault' in ledger ? 0 : ledger.facts.through();
      const facts = await gatherFacts(views, { promotionId, now: at, own: null });
      return facts === null ? null : { verdict: evaluatePromotion(facts), through };
    },
    isPublished: async (leafHash) => (await views.proofs.entry(leafHash)) !== null,
  });
}
