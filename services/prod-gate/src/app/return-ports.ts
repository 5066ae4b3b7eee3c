import type { Id } from '@airlock/common/ids';
import type { ReturnOrder } from '@airlock/common/promotion/document';
import type { Transaction } from './ports.ts';

/** A return that somebody asked for. What web writes down is a wish; intake verifies it. */
export type ReturnRequest = {
  readonly id: Id<'ret'>;
  readonly target: string;
  /** The delivery by which the release was live before. */
  readonly delivery: string;
  /** Null when they cannot be read: whoever asked asks once more. */
  readonly answers: ReturnOrder['migrations'] | null;
  readonly reason: string;
  /** Roster id. */
  readonly person: string;
  readonly askedAt: Date;
};

/** One whose answers can be read. */
export type AnsweredReturn = ReturnRequest & { readonly answers: ReturnOrder['migrations'] };

export type ReturnOutcome =
  | { readonly state: 'asked' }
  | { readonly state: 'taken'; readonly promotionId: string }
  | { readonly state: 'refused'; readonly refusal: string };

export type ReturnStore = {
  insert(tx: Transaction, request: AnsweredReturn): Promise<void>;
  /** Those that intake has not looked at, oldest first, at most 20. */
  open(): Promise<ReturnRequest[]>;
  /** @throws StoreError `row-changed` when it was settled before. */
  settle(
    tx: Transaction,
    id: string,
    outcome: Exclude<ReturnOutcome, { state: 'asked' }>,
  ): Promise<void>;
  /** Null when there is no such request. */
  outcome(id: string): Promise<ReturnOutcome | null>;
};
