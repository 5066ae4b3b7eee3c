/** A delivery whose hook runs, and two people who start again. */
import { liftWithPasskey, enrolPasskey } from '@airlock/cli/decisions';
import { signedIn } from '@airlock/cli/signed-in';
import { readStops } from '@airlock/cli/stop-requests';
import { approveAs, until } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { waitingPromotion } from './promotion.ts';

export async function runningDelivery(
  pair: Pair,
): Promise<{ readonly promotion: string; readonly delivery: string }> {
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  return until('a hook that runs', 30, async () => {
    const [row] = await pair.query<{ id: string }>(
      'gate',
      `select d.id from delivery d join delivery_log l on l.delivery_id = d.id
       where d.promotion_id = $1 and d.state = 'running' and l.line like 'connected as %'`,
      [promotion],
    );
    return row === undefined ? null : { promotion, delivery: row.id };
  });
}

export async function signLift(pair: Pair, person: string, stopId: string): Promise<void> {
  const session = await signedIn(pair.gateOrigin, person);
  const passkeyFile = await enrolPasskey(session, pair.layout.passkeys);
  await liftWithPasskey(session, { stopId, passkeyFile });
}

/** Until it is lifted. */
export async function startAgain(pair: Pair, stopId: string): Promise<void> {
  for (const person of ['leo', 'mira']) await signLift(pair, person, stopId);
  const mira = await signedIn(pair.gateOrigin, 'mira');
  await until('the stop to be lifted', 20, async () =>
    (await readStops(mira)).stops.some(({ id }) => id === stopId) ? null : true,
  );
}
