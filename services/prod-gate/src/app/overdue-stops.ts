/**
 * The watchdog as the backstop of a stop that takes credentials back: where a deliverer lives, as far as anybody hears, and has not
 * done it in time, its delivery is taken away from it.
 */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { endsAtOnce } from '../domain/incident.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { StopStore } from './stop-ports.ts';
import type { VaultSession } from './vault-session-ports.ts';
import { readStops } from './watch-stops.ts';

/** In milliseconds. A deliverer looks once a second; a hook that is only asked to end has 10 s before it is killed. */
const graceMs = { 'revoke-leases': 5_000, 'stop-all': 20_000 } as const;

export type OverdueStop = (
  session: Pick<VaultSession, 'deliveryId' | 'target'>,
) => Promise<boolean>;

/** Whether a stop that ends the session's delivery has been in force for longer than its deliverer needs. */
export function createOverdueStop(ports: {
  readonly stops: Pick<StopStore, 'recent'>;
  readonly ledger: FollowLedger;
  readonly clock: () => Date;
}): OverdueStop {
  return async ({ deliveryId: id, target }) => {
    const ledger = await ports.ledger().catch((cause: unknown) => {
      // Which stop was lifted is not known then, and a delivery is not ended for want of knowing.
      if (cause instanceof LedgerError) return null;
      throw cause;
    });
    if (ledger === null) return false;
    const now = ports.clock();
    return (await readStops(ports.stops, ledger, now)).some((stop) => {
      const { kind, placedAt } = stop;
      const grace = kind === 'revoke-leases' || kind === 'stop-all' ? graceMs[kind] : Infinity;
      return now.getTime() - placedAt.getTime() > grace && endsAtOnce(stop, { id, target });
    });
  };
}
