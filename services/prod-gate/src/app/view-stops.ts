/** What is stopped now and what was, for the page of controls. */
import type { Incident } from '../domain/incident.ts';
import type { Promotion } from '../domain/promotion.ts';
import { concerns, stopsInForce, type KnownStop } from '../domain/stop.ts';
import type { Delivery } from './delivery-ports.ts';
import { judgeLifts } from './lift-stop.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';
import { ledgerOnPages, readStops, tracedMatters } from './watch-stops.ts';

export type StopInForce = {
  readonly stop: KnownStop;
  readonly signedBy: readonly string[];
  /** Null until the ledger has it. */
  readonly incident: Incident | null;
};

export type StopsView = {
  readonly inForce: readonly StopInForce[];
  /** Lifted, or their time is over; newest first. */
  readonly over: readonly { readonly stop: KnownStop; readonly incident: Incident | null }[];
  readonly emergencyStop: Date | null;
  readonly targets: readonly string[];
};

type Sources = Omit<Parameters<typeof judgeLifts>[0], 'stops' | 'files'> & {
  readonly stops: Pick<StopStore, 'recent' | 'lifts'>;
  readonly files: () => Promise<
    Awaited<ReturnType<Parameters<typeof judgeLifts>[0]['files']>> & {
      readonly targets: ReadonlyMap<string, unknown>;
    }
  >;
  readonly emergency: EmergencyStop;
};

const shownOver = 20;

/** @throws LedgerError while no ledger can be proven: what was lifted is not known then. */
export async function viewStops(sources: Sources, now: Date): Promise<StopsView> {
  const [ledger, rows, files] = await Promise.all([
    sources.ledger(),
    sources.stops.recent(),
    sources.files(),
  ]);
  const inForce = await readStops(sources.stops, ledger, now);
  return {
    inForce: await Promise.all(
      inForce.map(async (stop) => ({
        stop,
        signedBy: (await judgeLifts(sources, stop, now)).people,
        incident: ledger.incidentOf(stop.id),
      })),
    ),
    over: rows
      .filter(({ id }) => !inForce.some((stop) => stop.id === id))
      .slice(0, shownOver)
      .map((stop) => ({ stop, incident: ledger.incidentOf(stop.id) })),
    emergencyStop: sources.emergency(),
    targets: [...files.targets.keys()],
  };
}

/** One stop, in force or over; null where neither a row nor the ledger has it. @throws LedgerError as `viewStops` does. */
export async function viewStop(
  sources: Pick<Sources, 'ledger' | 'stops'>,
  stopId: string,
): Promise<{ readonly stop: KnownStop; readonly incident: Incident | null } | null> {
  const [ledger, rows] = await Promise.all([sources.ledger(), sources.stops.recent()]);
  const incident = ledger.incidentOf(stopId);
  const row = rows.find(({ id }) => id === stopId) ?? null;
  const [stop = row] = stopsInForce({
    rows: row === null ? [] : [row],
    ledger: incident === null ? [] : [incident.stop],
    // Shown whether or not it still holds.
    isLifted: () => false,
    now: new Date(0),
  });
  return stop === null ? null : { stop, incident };
}

/**
 * Those in force that the page of a delivery shows: what its target and the traces of its admission say, and what the ledger says
 * ended it, as a quarantine of somebody who approved it, which no trace has. While no ledger can be proven, the first alone.
 */
export async function viewStopsOnDelivery(
  sources: Pick<Sources, 'ledger' | 'stops'> & Parameters<typeof tracedMatters>[0],
  delivery: Pick<Delivery, 'id' | 'finishedAt'>,
  promotion: Promotion,
  now: Date,
): Promise<readonly KnownStop[]> {
  const ledger = await ledgerOnPages(sources.ledger);
  const inForce = await readStops(sources.stops, ledger, now);
  const matters = inForce.some(({ matter }) => matter !== null)
    ? await tracedMatters(sources)(promotion.id, inForce)
    : [];
  const hasEnded = ({ id }: KnownStop): boolean =>
    ledger?.incidentOf(id)?.deliveries.some((ended) => ended.id === delivery.id) === true;
  return inForce.filter(
    (stop) => concerns(stop, { ...promotion, matters }, delivery) || hasEnded(stop),
  );
}
