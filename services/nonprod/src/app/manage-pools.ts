import { poolFaults, type Pool, type PoolFault } from '../domain/pool.ts';
import type { Events } from '../events.ts';
import type { PoolStore } from './pool-ports.ts';

export type SavePoolAnswer =
  | { readonly kind: 'saved'; readonly version: number }
  | { readonly kind: 'refused'; readonly faults: readonly PoolFault[] }
  | { readonly kind: 'changed' };

/** Saves what its isolation can keep, with every reason where it cannot. */
export function createSavePool(ports: {
  readonly pools: Pick<PoolStore, 'save'>;
  readonly events: Events;
}): (pool: Pool, expected: number, person: string) => Promise<SavePoolAnswer> {
  return async (pool, expected, person) => {
    const faults = poolFaults(pool);
    if (faults.length > 0) return { kind: 'refused', faults };
    const answer = await ports.pools.save(pool, expected, person);
    if (answer.kind === 'repository-unknown') {
      const message = `there is no repository ${answer.repository}; its name stands at /repos`;
      return { kind: 'refused', faults: [{ field: 'repositories', message }] };
    }
    if (answer.kind === 'saved') ports.events.poolSaved(pool, answer.version, person);
    return answer;
  };
}
