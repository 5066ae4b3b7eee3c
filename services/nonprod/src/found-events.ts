/** What is found at forges, and who added it: lines in the log. */
import type { Log } from '@airlock/process/log';
import type { FoundNews } from './domain/found-repository.ts';

export type FoundEvents = ReturnType<typeof createFoundEvents>;

export function createFoundEvents(log: Log) {
  return {
    repositoryFound(
      kind: FoundNews,
      found: { source: string; id: string; path: string; pathWas: string | null },
    ): void {
      log.info(`repository.found-${kind}`, {
        'airlock.forge.source': found.source,
        'airlock.forge.repository': found.id,
        'airlock.forge.path': found.path,
        ...(kind === 'renamed' ? { 'airlock.forge.path_was': found.pathWas ?? '' } : {}),
      });
    },
    repositoryAdded(
      added: { source: string; id: string; repository: string },
      person: string,
    ): void {
      log.info('repository.added', {
        'airlock.forge.source': added.source,
        'airlock.forge.repository': added.id,
        'airlock.repository': added.repository,
        'user.id': person,
      });
    },
  };
}
