/** Which repositories somebody sees at all. */

/** Whoever looks, as the identity provider and the mapping of groups say. */
export interface Looker {
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

export interface SightStore {
  /** Names of the private repositories that belong to none of these groups; none for the platform role. */
  hiddenFrom(looker: Looker): Promise<readonly string[]>;
  /** Whose this id is: a run's (`run_…`, also one that is only asked for), a candidate's or a promotion's; null for others. */
  repositoryOf(id: string): Promise<string | null>;
  isPrivate(repository: string): Promise<boolean>;
  /** `ownerless`: it belongs to no group, so that nobody but the platform role would see it any more. */
  setPrivate(repository: string, wanted: boolean): Promise<'set' | 'ownerless' | 'not-found'>;
}
