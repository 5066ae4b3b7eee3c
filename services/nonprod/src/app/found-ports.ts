/** What finding repositories at forges needs from outside. */
import type { Provider } from '@airlock/common/webhook/provider';
import type {
  BuiltRepository,
  FoundRepository,
  FoundState,
  ListedRepository,
  NewRepository,
} from '../domain/found-repository.ts';

export type ListingProvider = Exclude<Provider, 'bitbucket-server'>;

export type Listing =
  | { readonly kind: 'listed'; readonly repositories: readonly ListedRepository[] }
  /** Nothing was listed whole: the forge wants to be left alone until then. */
  | { readonly kind: 'limited'; readonly until: Date };

/** One organisation, group or workspace at a forge. */
export interface ForgeLister {
  /**
   * Every page of it, or nothing.
   *
   * @throws Error when the forge does not answer, refuses, or answers what it does not document.
   */
  list(signal: AbortSignal): Promise<Listing>;
}

export interface SourceRow {
  /** Host and organisation, such as github.com/shop. */
  readonly name: string;
  readonly provider: ListingProvider;
  readonly configured: boolean;
  readonly lookedAt: Date | null;
  readonly failing: string | null;
  readonly resumesAt: Date | null;
}

/** As people are shown it. */
export interface ShownSource extends SourceRow {
  readonly repositories: readonly (FoundRepository & { readonly state: FoundState })[];
}

/** The scheduler's side. */
export interface FoundKeeping {
  /** Makes rows of those that the configuration names, and marks the others as named no more. */
  ensureSources(sources: readonly Pick<SourceRow, 'name' | 'provider'>[]): Promise<void>;
  found(source: string): Promise<readonly FoundRepository[]>;
  built(): Promise<readonly BuiltRepository[]>;
  /** All of them in one transaction. */
  write(source: string, rows: readonly FoundRepository[]): Promise<void>;
  looked(
    source: string,
    outcome: { readonly failing: string | null; readonly resumesAt: Date | null },
  ): Promise<void>;
  notAdded(source: string, id: string, why: string): Promise<void>;
}

export interface FoundStore {
  /** By name. */
  sources(): Promise<readonly SourceRow[]>;
  /** By path. */
  found(source: string): Promise<readonly FoundRepository[]>;
  built(): Promise<readonly BuiltRepository[]>;
}

export interface AddFound {
  /**
   * The repository, its owners and its link to what was found, in one transaction. False: there is one of that name or address
   * already, or it was added meanwhile.
   */
  add(
    found: { readonly source: SourceRow; readonly id: string },
    repository: NewRepository,
    by: { readonly owners: readonly string[]; readonly person: string },
  ): Promise<boolean>;
}
