/** Who used how much of the machines and of the store. */
import type { Days, RepositoryUsage, UsageRow, Used } from '../domain/usage.ts';

/** Whom a run is counted for. */
export interface RunPerson {
  /** As the identity provider names them. */
  readonly id: string;
  /**
   * How that is known: `asked` here while signed in, `linked` is the account at the forge that opened the pull request, and
   * `author` is the address that the commit names, which whoever commits can choose.
   */
  readonly by: 'asked' | 'linked' | 'author';
}

export interface RunPeople {
  /** Whoever has shown that this account at the repository's forge is theirs. */
  ofAccount(
    repository: string,
    account: { readonly provider: string; readonly id: string },
  ): Promise<string | null>;
  /** Whoever signs in by this address. */
  ofAddress(address: string): Promise<string | null>;
}

export interface UsageFilter extends Days {
  /** Exactly; null: all. */
  readonly repository: string | null;
  readonly person: string | null;
  /** Of repositories that this group owns alone; null: all. */
  readonly group: string | null;
  /** Repositories that whoever asks does not see: nothing of theirs is in any sum. */
  readonly hidden: readonly string[];
}

/** One question answered four ways; the seconds of each part add up to the total. The most used first, days in order. */
export interface UsageSums {
  readonly total: Used;
  /** With those that only have something stored, unless the question is about a person. */
  readonly repositories: readonly RepositoryUsage[];
  readonly people: readonly UsageRow[];
  /** Their builds are 0: a build may have jobs in several. */
  readonly pools: readonly UsageRow[];
  readonly days: readonly UsageRow[];
}

export interface UsageStore {
  sums(filter: UsageFilter): Promise<UsageSums>;
}
