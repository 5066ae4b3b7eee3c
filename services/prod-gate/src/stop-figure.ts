/** Stops in force as a figure: whoever looks at deliveries that do not start sees why. */
import { LedgerError } from '@airlock/common/ledger/ledger-error';

import type { Figure } from '@airlock/web/figures';
import type { StopStore } from './app/stop-ports.ts';
import { readStops } from './app/watch-stops.ts';
import type { LedgerFacts } from './domain/ledger-facts.ts';
import { stopKinds } from './domain/stop.ts';

/** No row while no ledger can be proven: which stops were lifted is not known then. */
export async function stopFigure(ports: {
  readonly stops: Pick<StopStore, 'recent'>;
  ledger(): Promise<LedgerFacts>;
  readonly now: () => Date;
}): Promise<Figure> {
  const figure = {
    name: 'airlock_stops_in_force',
    help: 'Stops in force, by kind; left out: the ledger cannot be proven.',
    type: 'gauge',
  } as const;
  try {
    const stops = await readStops(ports.stops, await ports.ledger(), ports.now());
    const rows = stopKinds.map((kind) => ({
      labels: { kind },
      value: stops.filter((stop) => stop.kind === kind).length,
    }));
    return { ...figure, rows };
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    return { ...figure, rows: [] };
  }
}
