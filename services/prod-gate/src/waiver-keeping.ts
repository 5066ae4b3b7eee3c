/** Break-glass and overrides, put together for the gate's pages. */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import type { Frame } from '@airlock/web/views/layout';
import { createWaiverStore } from './adapters/postgres/waiver-store.ts';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createCoSignatureStore } from './adapters/postgres/co-signature-store.ts';
import { recorder } from './adapters/postgres/ledger-store.ts';
import { createWaiverAsking } from './app/ask-waiver.ts';
import type { CoSignPorts } from './app/co-sign.ts';
import type { FollowLedger } from './app/follow-ledger.ts';
import type { FactSources } from './app/fact-sources.ts';
import type { PromotionStore } from './app/promotion-ports.ts';
import { createReviewing } from './app/review-waiver.ts';
import { owedReviews, viewReviews } from './app/view-reviews.ts';
import type { WaiverPorts } from './http/routes/waivers.tsx';

export function createWaivers(
  parts: Omit<CoSignPorts, 'database' | 'rpId'> &
    Pick<FactSources, 'files' | 'proofs'> & {
      readonly database: GateDatabase;
      readonly relyingParty: { readonly rpId: string };
      readonly promotions: PromotionStore;
    },
): WaiverPorts['waivers'] {
  const { database, proofs, now } = parts;
  const shared = {
    ...{ ...parts, recorder, rpId: parts.relyingParty.rpId, ledger: proofs.facts },
    ...{ signatures: createCoSignatureStore(database) },
  };
  return {
    asking: createWaiverAsking({ ...shared, waivers: createWaiverStore(database) }),
    reviewing: createReviewing(shared),
    view: () => viewReviews(shared, now()),
  };
}

/** On every page while a review is owed; none while no ledger can be proven, which other sentences say. */
export function reviewNotices(ledger: FollowLedger): () => Promise<NonNullable<Frame['notices']>> {
  return async () => {
    try {
      return (await owedReviews(ledger)).map((use) => ({
        kind: 'person',
        title: `${use.release} went to ${use.target} ${use.kind === 'break-glass' ? 'by break-glass' : 'outside its windows'}.`,
        text: `${use.reviews} others look at it until ${use.reviewBy.toISOString().slice(0, 16).replace('T', ' ')} UTC, or ${use.target} is frozen.`,
        href: '/reviews',
        label: 'Look at it',
      }));
    } catch (cause) {
      if (cause instanceof LedgerError) return [];
      throw cause;
    }
  };
}
