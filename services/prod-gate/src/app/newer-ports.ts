import type { NewerCommits } from '../domain/newer.ts';

/** What main has beyond each waiting promotion, as intake saw it last. */
export type NewerStore = {
  /** Null before intake looked. */
  of(promotionId: string): Promise<NewerCommits | null>;
  put(promotionId: string, newer: NewerCommits): Promise<void>;
};
