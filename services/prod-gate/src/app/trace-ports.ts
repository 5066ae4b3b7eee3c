/** Where promotions are found by what they rest on. */
import type { Found, Touched } from '../domain/blast-radius.ts';
import type { Matter } from '../domain/matter.ts';
import type { ListedPromotion, Promotion } from '../domain/promotion.ts';
import type { Term, Trace } from '../domain/trace.ts';
import type { CommitPackages } from './read-packages.ts';

export type TraceQuestion = {
  readonly matter: Matter;
  readonly terms: readonly Term[];
  /** Of the moments at which the gate took in what rests on it; both ends count. Null: open. */
  readonly since: Date | null;
  readonly until: Date | null;
};

export interface TraceStore {
  /** Why the newest promotions rest on it; all reasons of at most `limit` promotions. */
  newest(question: TraceQuestion, limit: number): Promise<readonly Found[]>;
  /** The same of these promotions alone, however old. */
  among(question: TraceQuestion, promotionIds: readonly string[]): Promise<readonly Found[]>;
  /** Traces of one promotion, but for its packages. */
  of(promotionId: string): Promise<readonly Trace[]>;
  /** Its people and images that no other promotion had which was delivered to the target. */
  firsts(promotionId: string, target: string): Promise<readonly Trace[]>;
  /** Whether a lockfile of its commit locks the package, as intake read it; null where that is not known. */
  locks(promotionId: string, purl: string): Promise<boolean | null>;
  listed(
    promotionIds: readonly string[],
  ): Promise<
    readonly { readonly promotion: ListedPromotion; readonly delivery: Touched['delivery'] }[]
  >;
}

export interface TraceKeeper {
  /** Makes traces of promotions that have none. @returns how many there were this time; 0 when all have theirs. */
  fillMissing(): Promise<number>;
  /** Newest first, of those whose lockfiles nobody has read. */
  unread(limit: number): Promise<readonly Pick<Promotion, 'id' | 'repository' | 'commit'>[]>;
  keepPackages(promotionId: string, packages: CommitPackages): Promise<void>;
}
