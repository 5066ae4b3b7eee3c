import type { Act, ActBook } from '@airlock/web/acts';
import type { ActEnd } from '../domain/act.ts';

export interface ActFilter {
  /** Exactly. */
  readonly person: string | null;
  /** In the address or in what the request named. */
  readonly object: string | null;
  /** In UTC, such as 2026-11-22. */
  readonly day: string | null;
  /** Only what came earlier than the act of this id. */
  readonly before: string | null;
}

export interface WrittenAct extends Act {
  /** Decimal; a later act has a higher one. */
  readonly id: string;
  readonly at: Date;
  readonly object: string | null;
  readonly end: ActEnd;
  readonly status: number | null;
  readonly code: string | null;
}

export interface ActStore extends ActBook {
  /** The newest first, at most `limit`. */
  list(filter: ActFilter, limit: number): Promise<readonly WrittenAct[]>;
}
