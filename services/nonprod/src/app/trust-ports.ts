import type { BudgetTrigger, Budget, Usage } from '../domain/budget.ts';
import type { FilesFrom } from '../domain/held-run.ts';
import type { PullRequestFacts } from '../domain/pull-request.ts';
import type { TrustLevel } from '../domain/trust-level.ts';

/** How far a run is trusted, as it was decided when the run was made. */
export interface RunTrust {
  readonly level: TrustLevel;
  readonly why: string;
  /** Whose pipeline and release files it follows. */
  readonly files: FilesFrom;
  readonly filesCommit: string;
  /** What whoever looks at the run should know of where it runs. */
  readonly notes: readonly string[];
}

/** Null where the forge has not told of it. */
export interface PullRequestStore {
  facts(repository: string, number: number): Promise<PullRequestFacts | null>;
}

/** Who belongs to a repository, by the ids that forges give their accounts. */
export interface Membership {
  isMember(
    repository: string,
    account: { readonly provider: string; readonly id: string },
  ): Promise<boolean>;
  /** Accounts at forges that are known to be this person's. */
  identitiesOf(
    person: string,
  ): Promise<readonly { readonly provider: string; readonly id: string }[]>;
}

export interface BudgetStore {
  /** What was used of the day up to now, and the budget for it. */
  today(
    repository: string,
    trigger: BudgetTrigger,
  ): Promise<{ readonly usage: Usage; readonly budget: Budget }>;
  /** False when there is no such repository. */
  set(repository: string, trigger: BudgetTrigger, budget: Budget, person: string): Promise<boolean>;
}
