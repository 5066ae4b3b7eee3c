import {
  newRepository,
  planFound,
  type AddingRule,
  type FoundRepository,
} from '../domain/found-repository.ts';
import type { GlobMatch } from '../domain/trust-level.ts';
import type { FoundEvents } from '../found-events.ts';
import type { AddFound, ForgeLister, FoundKeeping, FoundStore, SourceRow } from './found-ports.ts';

/** Who is said to have added what a rule of the configuration added. */
const byRule = 'configuration';

/**
 * Looks at one organisation. What could not be listed whole changes nothing: a page that is missing must not look like
 * repositories that are gone.
 */
export function createFindRepositories(
  ports: {
    readonly lister: ForgeLister;
    readonly store: FoundKeeping & Pick<FoundStore, 'sources'> & AddFound;
    readonly events: FoundEvents;
    readonly matches: GlobMatch;
    readonly clock: () => Date;
    readonly signal: AbortSignal;
    onAdded(repository: string): void;
  },
  settings: {
    readonly source: string;
    readonly rules: readonly AddingRule[];
    readonly from: readonly string[];
  },
): () => Promise<void> {
  const { lister, store, events, signal } = ports;
  const { source, rules, from } = settings;

  async function addByRule(
    row: SourceRow,
    found: FoundRepository,
    owners: readonly string[],
  ): Promise<void> {
    const judged = newRepository(found, owners, { host: hostOf(source), from });
    const why =
      'fault' in judged
        ? judged.fault
        : (await store.add({ source: row, id: found.id }, judged.add, { owners, person: byRule }))
          ? null
          : `There is a repository ${judged.add.name} or ${judged.add.cloneUrl} already.`;
    if (why === null) {
      events.repositoryAdded({ source, id: found.id, repository: found.path }, byRule);
      ports.onAdded(found.path);
    } else if (why !== found.notAdded) {
      await store.notAdded(source, found.id, why);
    }
  }

  return async () => {
    const row = (await store.sources()).find(({ name }) => name === source);
    if (row === undefined) throw new Error(`${source} has no row; start the scheduler anew`);
    if (row.resumesAt !== null && row.resumesAt > ports.clock()) return;
    try {
      const listing = await lister.list(signal);
      if (listing.kind === 'limited') {
        const failing = `${source}: the forge asks us to wait until ${listing.until.toISOString()}`;
        await store.looked(source, { failing, resumesAt: listing.until });
        return;
      }
      const state = {
        ...{ listing: listing.repositories, rules },
        ...{ known: await store.found(source), built: await store.built() },
      };
      const plan = planFound(state, ports.matches);
      await store.write(source, plan.write);
      for (const { kind, found } of plan.news) events.repositoryFound(kind, { source, ...found });
      for (const { found, owners } of plan.add) await addByRule(row, found, owners);
      await store.looked(source, { failing: null, resumesAt: null });
    } catch (error) {
      const failing = (error instanceof Error ? error.message : String(error)).slice(0, 500);
      if (!signal.aborted) await store.looked(source, { failing, resumesAt: null });
      throw error;
    }
  };
}

export function hostOf(source: string): string {
  return source.split('/', 1)[0] ?? '';
}
