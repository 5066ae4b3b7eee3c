/** What is stopped now and what was, for the page of controls. */
import type { KnownStop } from '../domain/stop.ts';
import { judgeLifts } from './lift-stop.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';
import { readStops } from './watch-stops.ts';

export type StopsView = {
  readonly inForce: readonly { readonly stop: KnownStop; readonly signedBy: readonly string[] }[];
  /** Lifted, or their time is over; newest first. */
  readonly over: readonly KnownStop[];
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
  const [inForce, rows, files] = await Promise.all([
    sources.ledger().then((ledger) => readStops(sources.stops, ledger, now)),
    sources.stops.recent(),
    sources.files(),
  ]);
  return {
    inForce: await Promise.all(
      inForce.map(async (stop) => ({
        stop,
        signedBy: (await judgeLifts(sources, stop, now)).people,
      })),
    ),
    over: rows.filter(({ id }) => !inForce.some((stop) => stop.id === id)).slice(0, shownOver),
    emergencyStop: sources.emergency(),
    targets: [...files.targets.keys()],
  };
}
