/** The stops that hold now, from rows and ledger together. */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import type { LedgerFacts } from '../domain/ledger-facts.ts';
import { placerOf } from '../domain/stop-words.ts';
import type { Promotion } from '../domain/promotion.ts';
import { holds, hostStop, stopsInForce, type KnownStop } from '../domain/stop.ts';
import { matterText } from '../domain/matter.ts';
import { mattersOf, unknownValue } from '../domain/trace.ts';
import type { FactSources } from './fact-sources.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';
import type { TraceStore } from './trace-ports.ts';

/** @param ledger null while no ledger can be proven: then every row counts, and nothing new is delivered anyway. */
export async function readStops(
  stops: Pick<StopStore, 'recent'>,
  ledger: LedgerFacts | null,
  now: Date,
): Promise<readonly KnownStop[]> {
  return inForceOf(await stops.recent(), ledger, now);
}

function inForceOf(
  rows: readonly KnownStop[],
  ledger: LedgerFacts | null,
  now: Date,
): readonly KnownStop[] {
  return stopsInForce({
    rows,
    ledger: ledger?.stops() ?? [],
    isLifted: (id) => ledger?.isLifted(id) ?? false,
    now,
  });
}

/** As `readStops`, for pages: while no ledger can be proven they say so elsewhere, and every row counts. */
export function stopsOnPages(ports: {
  readonly stops: Pick<StopStore, 'recent'>;
  readonly ledger: FollowLedger;
  readonly now: () => Date;
}): () => Promise<readonly KnownStop[]> {
  return async () => readStops(ports.stops, await ledgerOnPages(ports.ledger), ports.now());
}

/** Null while no ledger can be proven. */
export async function ledgerOnPages(ledger: FollowLedger): Promise<LedgerFacts | null> {
  try {
    return await ledger();
  } catch (cause) {
    if (cause instanceof LedgerError) return null;
    throw cause;
  }
}

/** A delivery that has begun. */
export type Stoppable = {
  readonly delivery: { readonly id: string };
  readonly promotion: Pick<Promotion, 'id' | 'target' | 'admittedAt' | 'repository' | 'commit'>;
  /** All but its packages, as its verdict had it. */
  readonly restsOn: readonly string[];
};

export type FoundStop = {
  /** Its id; `hostStop` for the file of the emergency stop. */
  readonly stop: string;
  readonly text: string;
  /** The hook gets no time to end by itself. */
  readonly atOnce: boolean;
};

export type StopWatch = {
  /** What ends this delivery; null while nothing does. */
  against(running: Stoppable): Promise<FoundStop | null>;
  /** The same of the host's emergency stop alone, which needs no service. */
  onHost(): FoundStop | null;
};

type Ports = {
  readonly stops: Pick<StopStore, 'recent'>;
  readonly ledger: FollowLedger;
  readonly emergency: EmergencyStop;
  readonly clock: () => Date;
};

export function createStopWatch(
  ports: Ports & {
    /** Read from git and from no row; asked while a package is in quarantine. */
    readonly locks: FactSources['locks'];
  },
): StopWatch {
  const onHost = (): FoundStop | null =>
    ports.emergency() === null
      ? null
      : { stop: hostStop, text: 'the emergency stop is set on this host', atOnce: false };
  // A ledger that cannot be proven for a moment brings no lifted stop back into a delivery that runs.
  let known: LedgerFacts | null = null;
  return {
    onHost,
    async against({ delivery, promotion, restsOn }) {
      const set = onHost();
      if (set !== null) return set;
      // Neither hangs on the other, and a delivery waits for both before each of its steps.
      const [ledger, rows] = await Promise.all([ledgerOnPages(ports.ledger), ports.stops.recent()]);
      known = ledger ?? known;
      const inForce = inForceOf(rows, known, ports.clock());
      const packages = await packageMatters(inForce, (purl) => ports.locks(promotion, purl));
      const stoppable = { ...promotion, matters: [...restsOn, ...packages] };
      const found = inForce.filter((stop) => holds(stop, stoppable, delivery.id));
      // Of several the one that leaves a hook no time.
      const stop = found.find(({ kind }) => kind === 'revoke-leases') ?? found[0];
      if (stop === undefined) return null;
      const { person, kind, id, reason } = stop;
      return {
        stop: id,
        text: `${placerOf(person)} stopped it (${kind}, ${id})${reason === null ? '' : `: ${reason}`}`,
        atOnce: kind === 'revoke-leases',
      };
    },
  };
}

/** @returns in words, what keeps intake from asking nonprod for anything; null while nothing does. */
export function createPairCut(ports: Ports): () => Promise<string | null> {
  return async () => {
    if (ports.emergency() !== null) return 'the emergency stop is set on this host';
    // A ledger that cannot be proven ends this pass: whether the pair is cut is not known then.
    const inForce = await readStops(ports.stops, await ports.ledger(), ports.clock());
    const cut = inForce.find(({ kind }) => kind === 'cut-pair');
    return cut === undefined ? null : `${cut.person} cut the pair (${cut.id})`;
  };
}

/** What a promotion rests on as the traces of its admission have it: for pages, which decide nothing. */
export function tracedMatters(sources: {
  readonly traces: Pick<TraceStore, 'of' | 'locks'>;
  readonly files: () => Promise<Pick<GateFiles, 'roster'>>;
}): (promotionId: string, stops: readonly KnownStop[]) => Promise<readonly string[]> {
  const { traces, files } = sources;
  return async (promotionId, stops) => {
    const [found, packages, { roster }] = await Promise.all([
      traces.of(promotionId),
      packageMatters(stops, (purl) => traces.locks(promotionId, purl)),
      files(),
    ]);
    return [...mattersOf(found, roster.roster), ...packages];
  };
}

/** Of the packages in quarantine those that it locks; where not all of its lockfiles are known, that any is possible. */
export async function packageMatters(
  stops: readonly KnownStop[],
  locks: (purl: string) => Promise<boolean | null>,
): Promise<readonly string[]> {
  const matters = await Promise.all(
    stops.map(async ({ matter }): Promise<readonly string[]> => {
      if (matter?.startsWith('package:') !== true) return [];
      const isLocked = await locks(matter.slice('package:'.length));
      if (isLocked === null) return [matterText({ kind: 'package', value: unknownValue })];
      return isLocked ? [matter] : [];
    }),
  );
  return matters.flat();
}
