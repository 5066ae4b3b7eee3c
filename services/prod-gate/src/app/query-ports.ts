/** What pages read. */
import type { ListedPromotion, PromotionState } from '../domain/promotion.ts';
import type { Approval } from './approval-ports.ts';
import type { Delivery } from './delivery-ports.ts';
import type { IntakeItem } from './intake-ports.ts';
import type { LedgerRow } from './ledger-ports.ts';
import type { LiveRelease, RepositoryFreeze } from './promotion-ports.ts';
import type { VaultSession } from './vault-session-ports.ts';

export type OutboxStatus = {
  readonly source: string;
  readonly seq: number;
  readonly head: number;
  readonly polledAt: Date;
};

/** For showing only; nothing is decided on what these return. */
export type PromotionQueries = {
  /** Newest first. */
  promotions(filter: {
    states?: readonly PromotionState[];
    target?: string;
    limit: number;
  }): Promise<ListedPromotion[]>;
  /** Approvals of many promotions at once, oldest first, by promotion id. */
  approvals(promotionIds: readonly string[]): Promise<Map<string, Approval[]>>;
  live(): Promise<LiveRelease[]>;
  /** Newest first. */
  deliveries(filter: { target?: string; limit: number }): Promise<Delivery[]>;
  /** Vault sessions, newest first; those not CLEAN before all others. */
  leases(limit: number): Promise<VaultSession[]>;
  /** What was pulled and refused, newest first. */
  refused(limit: number): Promise<IntakeItem[]>;
  outboxes(): Promise<OutboxStatus[]>;
  freezes(): Promise<RepositoryFreeze[]>;
  /** Newest first, below `before` (all when null). */
  ledgerEntries(window: { before: number | null; limit: number }): Promise<LedgerRow[]>;
};
