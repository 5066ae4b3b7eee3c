/** What is stopped now and what was, for the page of controls. */
import type { Incident } from '../domain/incident.ts';
import { stopsInForce, type KnownStop } from '../domain/stop.ts';
import { judgeLifts } from './lift-stop.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';
import { readStops } from './watch-stops.ts';

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
