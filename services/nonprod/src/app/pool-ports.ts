import type { ToldEgress } from '../domain/pool-egress.ts';
import type { Pool } from '../domain/pool.ts';

export interface PoolRow {
  readonly pool: Pool;
  /** Grows with every change; what is saved names the one that it was made from. */
  readonly version: number;
  readonly changedAt: Date;
}

export interface PoolChange {
  readonly version: number;
  readonly changedBy: string;
  readonly changedAt: Date;
  readonly pool: Pool;
}

/** What is online for a pool right now, as far as its page tells. */
export interface PoolLoad {
  readonly queued: number;
  readonly running: number;
}

export interface PoolStore {
  list(): Promise<readonly PoolRow[]>;
  find(name: string): Promise<PoolRow | null>;
  /** Newest first, 100 at most. */
  changes(name: string): Promise<readonly PoolChange[]>;
  load(name: string): Promise<PoolLoad>;
  /** What its runners say that were heard of in the last day and may still speak; null: one that does not say. */
  egress(name: string): Promise<readonly (ToldEgress | null)[]>;
  /**
   * Writes the pool, its grants and the change in one transaction. `changed`: another change came first;
   * `repository-unknown` names the first that is not here.
   *
   * @param expected the version that it was made from; 0 for a pool that is new.
   */
  save(
    pool: Pool,
    expected: number,
    person: string,
  ): Promise<
    | { readonly kind: 'saved'; readonly version: number }
    | { readonly kind: 'changed' }
    | { readonly kind: 'repository-unknown'; readonly repository: string }
  >;
}

/** The pools that runs are placed in, and those that an installation begins with. */
export interface PlacementStore {
  pools(): Promise<readonly Pool[]>;
  /** Adds those that are not there and leaves the others as they are; grants each to the repository. */
  begin(pools: readonly Pool[], repository: string): Promise<void>;
}
