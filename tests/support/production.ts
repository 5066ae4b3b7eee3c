/** What must not change while the gate is attacked. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtProduction } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';

async function reality(pair: Pair): Promise<unknown> {
  const [counts] = await pair.query<{ deliveries: string; logins: string; sessions: string }>(
    'gate',
    `select (select count(*) from delivery)::text as deliveries, (select count(*) from minted_login)::text as logins,
       (select count(*) from vault_session)::text as sessions`,
  );
  return { ...(await lookAtProduction(pair)), ...counts };
}

/**
 * Asserts that `work` brought about no delivery, no login at Vault and no change of the production database.
 *
 * @param seconds how long a delivery is given to begin after `work`; the deliverer looks every second.
 */
export async function withoutDelivery<T>(
  pair: Pair,
  work: () => Promise<T>,
  seconds = 0,
): Promise<T> {
  const before = await reality(pair);
  const result = await work();
  await delay(seconds * 1000);
  assert.deepEqual(await reality(pair), before, 'production or the record of deliveries changed');
  return result;
}
