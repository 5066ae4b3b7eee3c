/** Where promotions are kept: their rows, the signed bytes that they stand on and what is live. */
import type { Id } from '@airlock/common/ids';
import type { Delta } from '../domain/delta.ts';
import type { ListedPromotion, Promotion, PromotionState } from '../domain/promotion.ts';
import type { Transaction } from './ports.ts';

export type NewPromotion = Omit<
  Promotion,
  'state' | 'stateReason' | 'stateChangedAt' | 'version'
> & {
  readonly bundle: Uint8Array;
  readonly document: Uint8Array;
};

export type PromotionEvidence = { readonly bundle: Buffer; readonly document: Buffer };

export type LiveRelease = {
  readonly target: string;
  readonly promotionId: Id<'prm'>;
  readonly deliveryId: Id<'dlv'>;
  readonly release: string;
  readonly artifactDigest: string;
  readonly commit: string;
  readonly mainPosition: number;
  readonly since: Date;
};

export type RepositoryFreeze = {
  readonly repository: string;
  readonly reason: string;
  readonly since: Date;
};

export type PromotionStore = {
  find(id: string): Promise<Promotion | null>;
  /** The signed bytes; large, so they are read only by who verifies them. */
  evidence(id: string): Promise<PromotionEvidence | null>;
  /** Oldest first. */
  inState(state: PromotionState): Promise<Promotion[]>;
  /** What waits for one target, without what it changes. */
  waitingOn(target: string): Promise<readonly ListedPromotion[]>;
  liveOn(target: string): Promise<LiveRelease | null>;
  freezeOf(repository: string): Promise<RepositoryFreeze | null>;
  /** @throws StoreError `already-admitted` */
  insert(tx: Transaction, promotion: NewPromotion): Promise<void>;
  /** Locks the row until the transaction ends; approvals, rejections and starts take this lock first. */
  lock(tx: Transaction, id: string): Promise<Promotion | null>;
  /** @throws StoreError `row-changed` when the promotion is not in `from`. */
  setState(
    tx: Transaction,
    change: {
      id: string;
      from: PromotionState;
      to: PromotionState;
      /** One sentence for people. */
      reason: string | null;
      at: Date;
    },
  ): Promise<void>;
  /** Puts a new document in place of one that facts overtook. @throws StoreError `row-changed` when it no longer waits. */
  replaceDocument(
    tx: Transaction,
    change: {
      id: string;
      document: Uint8Array;
      promotionDigest: string;
      policyDigest: string;
      hook: string;
      delta: Delta;
      expiresAt: Date;
    },
  ): Promise<void>;
  setLive(tx: Transaction, live: LiveRelease): Promise<void>;
};
