/** Notes which packages admitted releases lock, so that one that turns out to be bad is found in all of them. */
import type { GitReader } from './intake-ports.ts';
import { readPackages } from './read-packages.ts';
import type { TraceKeeper } from './trace-ports.ts';

const atOnce = 20;

/** Reads the lockfiles of the newest promotions of which nobody has. @returns how many it read. */
export async function keepPackages(ports: {
  readonly keeper: Pick<TraceKeeper, 'unread' | 'keepPackages'>;
  readonly mirror: (repository: string) => Pick<GitReader, 'allFiles' | 'readBlob'> | undefined;
}): Promise<number> {
  let count = 0;
  for (const { id, repository, commit } of await ports.keeper.unread(atOnce)) {
    const git = ports.mirror(repository);
    // Without a mirror nothing is known, now and later: all of its packages stay possible.
    const none = { lockfiles: [], isWhole: false, isKnown: false };
    await ports.keeper.keepPackages(id, git === undefined ? none : await readPackages(git, commit));
    count += 1;
  }
  return count;
}
