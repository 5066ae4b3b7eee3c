import type { Provider } from '@airlock/common/webhook/provider';
import type { StatusNews, Verdict } from '../domain/commit-status.ts';

export interface DueStatus {
  readonly runId: string;
  readonly number: number;
  readonly commit: string;
  readonly isPullRequest: boolean;
  readonly verdict: Verdict;
  /** Of a run that waits for room, or that never began. */
  readonly why: string | null;
  readonly provider: Provider;
  readonly cloneUrl: string;
  /** That failed since it was told something. */
  readonly attempts: number;
}

export interface StatusOutbox {
  /** Runs of the last two days of which the forge was told something else, or nothing, and that are due. */
  due(limit: number): Promise<readonly DueStatus[]>;
  told(runId: string, verdict: Verdict): Promise<void>;
  /** @param waitMs null: given up; a later verdict is told again. */
  failed(status: DueStatus, why: string, waitMs: number | null): Promise<void>;
}

export interface TellForge {
  knows(provider: Provider, host: string): boolean;
  tell(
    provider: Provider,
    news: StatusNews,
    signal: AbortSignal,
  ): Promise<
    | { readonly told: true }
    | { readonly told: false; readonly why: string; readonly retryAfter: number | null }
  >;
}
