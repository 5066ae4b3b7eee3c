import { join } from 'node:path';
import { createMirror, type GitProtocol } from '@airlock/git/mirror';
import type { SourceArchive, SourceMirror, SourceMirrors } from '../../app/ports.ts';
import type { RepositoryRow } from '../../app/source-ports.ts';
import { createSourceMirror, nonprodRefspecs } from './source-mirror.ts';

/** Where mirrors lie: the configured repository's at its own place, every other below one directory. */
export interface MirrorPlaces {
  readonly configured: { readonly name: string; readonly directory: string };
  /** Null: there is no other repository. */
  readonly directory: string | null;
}

function placeOf({ configured, directory }: MirrorPlaces, repository: string): string {
  if (repository === configured.name) return configured.directory;
  // Without a slash, so that a name is one directory and leads nowhere else.
  return join(directory ?? '/nonexistent', `${encodeURIComponent(repository)}.git`);
}

/** For reading only: they never fetch, so they need no address but their own. */
export function openSourceMirrors(places: MirrorPlaces): SourceMirrors {
  const open = new Map<string, SourceMirror & SourceArchive>();
  return {
    of(repository) {
      const known = open.get(repository);
      if (known !== undefined) return known;
      const directory = placeOf(places, repository);
      const mirror = createSourceMirror(
        createMirror({ directory, url: directory, protocols: ['file'] }),
      );
      open.set(repository, mirror);
      return mirror;
    },
  };
}

/** One that fetches, which the scheduler alone does. @throws GitError `configuration-git-url` */
export function openFetchingMirror(
  places: MirrorPlaces,
  repository: Pick<RepositoryRow, 'name' | 'cloneUrl'>,
  protocols: readonly GitProtocol[],
): SourceMirror {
  return createSourceMirror(
    createMirror({
      directory: placeOf(places, repository.name),
      url: repository.cloneUrl,
      refspecs: nonprodRefspecs,
      protocols,
    }),
  );
}
