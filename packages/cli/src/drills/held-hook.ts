import { asAccount } from './database-door.ts';
import type { DrillTarget } from './target.ts';

/** The demo's production, and what its hook takes before it changes anything. */
export const production = 'shop';
const lock = `hashtext('airlock load-release')`;

/** While `work` goes on, a delivery's hook that begins runs and waits, as one does that takes long. */
export async function whileHooksWait<T>(
  { owned }: Pick<DrillTarget, 'owned'>,
  work: () => Promise<T>,
): Promise<T> {
  return asAccount({ ...owned.superuser, database: production }, async (query) => {
    await query(`select pg_advisory_lock(${lock})`);
    return await work();
  });
}
