/** What is left of quotas, and runs that wait until there is something left. */
import type { Admission, QueueUse, Quota } from '../domain/quota.ts';

/** Quotas of this installation, as its configuration says. */
export interface Quotas {
  of(repository: string): Quota;
  admission(repository: string): Admission;
  /** Runs that wait, of all repositories. */
  readonly queueDepth: number;
}

export interface QuotaStore {
  /** @param withStored whether anybody wants to know what the repository stores, which costs more. */
  use(repository: string, withStored: boolean): Promise<QueueUse>;
  /** Runs that wait for room: the oldest few of each repository and person. */
  waiting(): Promise<readonly { readonly id: string; readonly repository: string }[]>;
  /** Puts the run's jobs in line if there is room now, or writes down why there is none. True: they are. */
  admit(runId: string, limits: Admission): Promise<boolean>;
}
