/** What the use cases of secrets need: rows that hold nothing readable. */
import type { SecretKind } from '@airlock/common/wire/secret-handout';
import type { WrappedDek } from '@airlock/envelope/dek-cache';
import type { Labelled } from '../domain/labels.ts';
import type { SecretFilters } from '../domain/secret-filter.ts';

export interface ProjectDek extends WrappedDek {
  readonly isActive: boolean;
  readonly createdAt: Date;
}

export interface ProjectDekStore {
  /** The key that wraps what is new; null before the project's first secret, and after it was erased. */
  active(project: string): Promise<ProjectDek | null>;
  all(): Promise<readonly ProjectDek[]>;
  /** Makes it the active one of a project that has none; nothing when another was faster. */
  insertFirst(dek: WrappedDek): Promise<void>;
  /** Puts `next` in the place of `from`; false when `from` is not the active one (any more). */
  replaceActive(from: string, next: WrappedDek): Promise<boolean>;
  /** The same key, wrapped anew; false when the row has changed since. */
  rewrapped(change: { id: string; from: string; to: string }): Promise<boolean>;
  /** Deletes the keys that are not active and wrap nothing any more; their ids. */
  deleteUnused(): Promise<readonly string[]>;
}

export interface SecretSummary {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly setBy: string;
  readonly setAt: Date;
  /** Null while its value is kept. */
  readonly erased: { readonly by: string; readonly at: Date } | null;
  readonly kind: SecretKind;
  readonly filters: SecretFilters;
  /** Null: no build has been given it. */
  readonly lastRead: SecretReading | null;
}

/** That a step of a run was given it; never what. */
export interface SecretReading {
  readonly runId: string;
  readonly runNumber: number;
  readonly step: string;
  readonly version: number;
  readonly at: Date;
}

export interface SecretVersionSummary {
  readonly version: number;
  readonly setBy: string;
  readonly setAt: Date;
  readonly erased: { readonly by: string; readonly at: Date } | null;
}

/** A secret as it lies there: current version, sealed. */
export interface SealedSecret {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly version: number;
  readonly projectDek: WrappedDek;
  readonly wrappedDek: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** A key that is wrapped by a project DEK which is not the active one. */
export type Stray =
  | {
      readonly kind: 'secret';
      readonly project: string;
      readonly projectDek: WrappedDek;
      readonly secret: string;
      readonly name: string;
      readonly version: number;
      readonly wrapped: Uint8Array;
    }
  | {
      readonly kind: 'build';
      readonly project: string;
      readonly projectDek: WrappedDek;
      readonly run: string;
      readonly wrapped: Uint8Array;
    };

export interface SecretStore {
  /** By name; with the newest reading of no repository that is hidden. */
  list(project: string, hidden: readonly string[]): Promise<readonly SecretSummary[]>;
  /** Those with a value that this repository's builds may ask for: its own, and others' by its labels. */
  offered(repository: Labelled): Promise<readonly Pick<SecretSummary, 'name' | 'filters'>[]>;
  /** Newest first, readings of hidden repositories left out; null when there is no such secret. */
  versions(
    project: string,
    name: string,
    hidden: readonly string[],
  ): Promise<{
    readonly secret: SecretSummary;
    readonly versions: SecretVersionSummary[];
    /** Newest first, 50 at most. */
    readonly reads: readonly SecretReading[];
  } | null>;
  /** How many can be read, of all projects. */
  count(): Promise<number>;
  /** Where the next version goes; `id` is null while there is no secret of that name. */
  place(
    project: string,
    name: string,
  ): Promise<{ readonly id: string | null; readonly lastVersion: number }>;
  /**
   * Adds a version and erases those before it, in one step. False when place or active key changed since they were read:
   * read them again.
   */
  addVersion(secret: SealedSecret & NewVersion): Promise<boolean>;
  /** Everything that can be read, of all projects. */
  sealed(): Promise<readonly SealedSecret[]>;
  /** Deletes the keys of every version; false when there is nothing (any more) to erase. */
  erase(project: string, name: string, person: string): Promise<boolean>;
  /** Deletes every key of a project, also those of its builds; how many secrets that were. */
  eraseProject(project: string, person: string): Promise<number>;
  /** False when there is no secret of that name. */
  setFilters(project: string, name: string, filters: SecretFilters): Promise<boolean>;
  strays(limit: number): Promise<readonly Stray[]>;
  /** False when somebody else was faster. */
  moved(
    stray: Stray,
    to: { readonly projectDek: string; readonly wrapped: Buffer },
  ): Promise<boolean>;
}

export interface NewVersion {
  readonly isNew: boolean;
  readonly description: string;
  readonly person: string;
  readonly kind: SecretKind;
  /** Null: as they are; of a new secret, those that a new secret has. */
  readonly filters: SecretFilters | null;
}

export interface BuildDek {
  readonly project: string;
  readonly projectDek: WrappedDek;
  readonly wrapped: Uint8Array;
}

export interface BuildDekStore {
  find(run: string): Promise<BuildDek | null>;
  /** False when the run has one, or the project's key is not the active one (any more): read them again. */
  insert(dek: BuildDek & { readonly run: string }): Promise<boolean>;
  erase(run: string): Promise<boolean>;
  /** Erases the keys of every run that is over; how many. */
  eraseFinished(): Promise<number>;
}
