/** Break-glass, put together for the gate's pages. */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import type { Frame } from '@airlock/web/views/layout';
import { createBreakGlassStore } from './adapters/postgres/break-glass-store.ts';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createCoSignatureStore } from './adapters/postgres/co-signature-store.ts';
import { recorder } from './adapters/postgres/ledger-store.ts';
import { createBreakGlassAsking } from './app/ask-break-glass.ts';
import type { CoSignPorts } from './app/co-sign.ts';
import type { FollowLedger } from './app/follow-ledger.ts';
import type { FactSources } from './app/fact-sources.ts';
import type { PromotionStore } from './app/promotion-ports.ts';
import { createReviewing } from './app/review-break-glass.ts';
import { owedReviews, viewReviews } from './app/view-reviews.ts';
import type { BreakGlassPorts } from './http/routes/break-glass.tsx';

export function createBreakGlass(
  parts: Omit<CoSignPorts, 'database' | 'rpId'> &
    Pick<FactSources, 'files' | 'proofs'> & {
      readonly database: GateDatabase;
      readonly relyingParty: { readonly rpId: string };
      readonly promotions: PromotionStore;
    },
): BreakGlassPorts['breakGlass'] {
  const { database, proofs, now } = parts;
  const shared = {
    ...{ ...parts, recorder, rpId: parts.relyingParty.rpId, ledger: proofs.facts },
    ...{ signatures: createCoSignatureStore(database) },
  };
  return {
    asking: createBreakGlassAsking({ ...shared, breakGlass: createBreakGlassStore(database) }),
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
        title: `${use.release} went to ${use.target} by break-glass.`,
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
