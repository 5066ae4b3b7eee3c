/** Accounts of people at forges, and the groups that repositories belong to. */

export type LinkProvider = 'github' | 'bitbucket';

/** An account at a forge, by what the forge never gives to another account. */
export interface ForgeAccount {
  readonly provider: LinkProvider;
  /** Of the forge, such as github.com. */
  readonly host: string;
  /** GitHub's number, Bitbucket's uuid in braces. */
  readonly account: string;
  /** As the forge shows it; never compared. */
  readonly name: string;
}

export interface LinkWish {
  readonly stateHash: Buffer;
  readonly person: string;
  readonly host: string;
  readonly verifier: string;
}

export interface LinkStore {
  /** Of one person, oldest first. */
  list(person: string): Promise<readonly (ForgeAccount & { readonly linkedAt: Date })[]>;
  /** A newer wish of the same person at the same host takes the place of the older. */
  begin(wish: LinkWish, seconds: number): Promise<void>;
  /** Deletes what it returns: once is all. */
  take(stateHash: Buffer): Promise<Omit<LinkWish, 'stateHash'> | null>;
  /** False when the account is somebody else's here. */
  link(person: string, account: ForgeAccount): Promise<boolean>;
  unlink(person: string, account: Pick<ForgeAccount, 'host' | 'account'>): Promise<boolean>;
}

/** A forge that says whose account somebody has signed in to. */
export interface LinkForge {
  readonly host: string;
  readonly provider: LinkProvider;
  /** Where the person agrees. */
  authorizeUrl(wish: { readonly state: string; readonly verifier: string }): string;
  /** @throws LinkError when the forge does not vouch for an account. */
  accountOf(grant: { readonly code: string; readonly verifier: string }): Promise<ForgeAccount>;
}

export interface RepositoryGroups {
  readonly own: readonly string[];
  readonly launch: readonly string[];
}

export interface GroupStore {
  /** Null when there is no such repository. */
  groups(repository: string): Promise<RepositoryGroups | null>;
  /** Whose a run (`run_…`) or a candidate (`cand_…`) is; null for everything else. */
  repositoryOf(id: string): Promise<string | null>;
  /** Replaces all of them; false when there is no such repository. */
  set(repository: string, groups: RepositoryGroups, person: string): Promise<boolean>;
}
