/**
 * What came of each stop, folded from the ledger: which deliveries it ended, how long after it was placed each process acted,
 * and what outlived it. Rows play no part, so that a time told here is one that nobody can change afterwards.
 */
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { momentIn } from './moment.ts';
import { hostPerson, hostStop, type KnownStop } from './stop.ts';

/** An entry and where it stands in the ledger. */
export type LedgerEvent = { readonly index: number; readonly entry: LedgerEntry };

type HeldCredential = {
  readonly name: string;
  /** Null: it does not end by itself, or nobody can read when. */
  readonly diesAt: Date | null;
  readonly isRevocable: boolean;
};

/** A delivery that had begun when the stop was placed, and that it ends. */
export type StoppedDelivery = {
  readonly id: string;
  readonly target: string;
  /** When the deliverer saw a stop, by its own word at the delivery's end; null where it said none, as one that died. */
  readonly seenAt: Date | null;
  readonly hookStartedAt: Date | null;
  readonly hookEndedAt: Date | null;
  readonly credentials: readonly HeldCredential[];
  /** When the watchdog had proof that nothing revocable of it is left. */
  readonly revokedAt: Date | null;
  readonly endedAt: Date | null;
};

export type Incident = {
  readonly stop: KnownStop;
  /** In the order of the ledger: its placing, whom it let through, what came of it, its lifting, the first delivery after that. */
  readonly events: readonly LedgerEvent[];
  readonly deliveries: readonly StoppedDelivery[];
  readonly liftedAt: Date | null;
};

export type IncidentFold = {
  /** Told of every entry about a delivery, in the order of the ledger. */
  apply(event: LedgerEvent): void;
  /** Told after `apply` of the same entry. */
  placed(stop: KnownStop, event: LedgerEvent): void;
  lifted(stopId: string, event: LedgerEvent): void;
  /** Null for what the ledger knows no stop of. */
  of(stopId: string): Incident | null;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Followed = Omit<Mutable<StoppedDelivery>, 'credentials'> & {
  readonly credentials: HeldCredential[];
  /** What it told of its end so far. */
  readonly told: LedgerEvent[];
  /** Those that end it, which are told of what comes. */
  readonly incidents: Kept[];
};
type Kept = Omit<Mutable<Incident>, 'events' | 'deliveries'> & {
  readonly events: LedgerEvent[];
  readonly deliveries: Followed[];
};

export function createIncidentFold(): IncidentFold {
  const incidents = new Map<string, Kept>();
  /** Deliveries that run, or of which something is not proven gone. */
  const open = new Map<string, Followed>();
  /** Ended by the host's file before the ledger had its stop. */
  const endedByHost: Followed[] = [];
  /** Lifted, and nothing has begun since. */
  const idle = new Set<Kept>();

  function attach(incident: Kept, delivery: Followed): void {
    if (incident.deliveries.includes(delivery)) return;
    incident.deliveries.push(delivery);
    delivery.incidents.push(incident);
    incident.events.push(...delivery.told);
  }

  function tell(delivery: Followed, event: LedgerEvent): void {
    delivery.told.push(event);
    for (const { events } of delivery.incidents) events.push(event);
  }

  function begin({ index, entry }: LedgerEvent, id: string): void {
    const target = entry.refs['target'] ?? '';
    for (const stopId of (entry.refs['exceptedFrom'] ?? '').split(' ')) {
      incidents.get(stopId)?.events.push({ index, entry });
    }
    for (const incident of idle) {
      if (!isAt(incident.stop, target)) continue;
      incident.events.push({ index, entry });
      idle.delete(incident);
    }
    if (open.has(id)) return;
    open.set(id, {
      ...{ id, target, seenAt: null, hookStartedAt: null, hookEndedAt: null, credentials: [] },
      ...{ revokedAt: null, endedAt: null, told: [], incidents: [] },
    });
  }

  /** Its end names the stop that the deliverer saw. */
  function seen(delivery: Followed, { stop, stopSeenAt }: LedgerEntry['refs']): void {
    if (stop === undefined) return;
    delivery.seenAt ??= momentIn(stopSeenAt);
    if (stop !== hostStop) {
      const incident = incidents.get(stop);
      if (incident !== undefined) attach(incident, delivery);
    } else if (!delivery.incidents.some((incident) => incident.stop.person === hostPerson)) {
      endedByHost.push(delivery);
    }
  }

  return {
    apply(event) {
      const { entry } = event;
      const { type, refs } = entry;
      const id = refs['delivery'];
      if (id === undefined) return;
      if (type === 'delivery.intent') begin(event, id);
      const delivery = open.get(id);
      if (delivery === undefined) return;
      const at = new Date(entry.at);
      switch (type) {
        case 'credential.issued':
          delivery.credentials.push(credentialOf(refs));
          return;
        case 'hook.started':
          delivery.hookStartedAt ??= at;
          return;
        case 'hook.finished':
          delivery.hookEndedAt ??= at;
          break;
        case 'credential.revoked':
          delivery.revokedAt ??= at;
          break;
        case 'delivery.finished':
          delivery.endedAt ??= at;
          seen(delivery, refs);
          break;
        default:
          return;
      }
      tell(delivery, event);
      const isGone = delivery.revokedAt !== null || delivery.credentials.length === 0;
      if (delivery.endedAt !== null && isGone) open.delete(id);
    },

    placed(stop, event) {
      const incident: Kept = { stop, events: [event], deliveries: [], liftedAt: null };
      incidents.set(stop.id, incident);
      if (stop.person === hostPerson) {
        for (const delivery of endedByHost.splice(0)) attach(incident, delivery);
        incident.events.sort((one, other) => one.index - other.index);
      }
      for (const delivery of open.values()) {
        if (delivery.endedAt === null && endsAtOnce(stop, delivery)) attach(incident, delivery);
      }
    },

    lifted(stopId, event) {
      const incident = incidents.get(stopId);
      if (incident === undefined || incident.liftedAt !== null) return;
      incident.liftedAt = new Date(event.entry.at);
      incident.events.push(event);
      idle.add(incident);
    },

    of: (stopId) => incidents.get(stopId) ?? null,
  };
}

const isAt = ({ targets }: KnownStop, target: string): boolean =>
  targets.length === 0 || targets.includes(target);

/**
 * Whether it ends this delivery by its target or its id alone. Of a quarantine the deliverer says which it ends: what they rest on
 * is in no entry.
 */
export function endsAtOnce(
  stop: KnownStop,
  { id, target }: Pick<StoppedDelivery, 'id' | 'target'>,
): boolean {
  if (stop.kind === 'stop-all') return isAt(stop, target);
  if (stop.kind !== 'revoke-leases') return false;
  return stop.matter === null ? isAt(stop, target) : stop.matter === `delivery:${id}`;
}

function credentialOf({ as, ending, diesAt }: LedgerEntry['refs']): HeldCredential {
  return {
    name: as ?? '',
    diesAt: momentIn(diesAt),
    isRevocable: ending === undefined || ending === 'revocable',
  };
}

/** How soon a stop did what it does, in milliseconds after it was placed; null where there is nothing to measure yet. */
export type Effect = {
  readonly deliveries: number;
  /** Until the deliverer had seen it for the last of them. */
  readonly seenMs: number | null;
  readonly hooks: {
    readonly ended: number;
    /** Of which no end is on record while their delivery goes on. */
    readonly running: number;
    /** Whose deliverer died: nobody saw how they ended. */
    readonly unseen: number;
    readonly lastMs: number | null;
  };
  readonly credentials: {
    /** Proven gone by the watchdog. */
    readonly revoked: number;
    /** Not proven gone yet. */
    readonly pending: number;
    readonly lastMs: number | null;
  };
  /** What no revocation ends, and what is not proven gone: by when it is over by itself; null: somebody ends it by hand. */
  readonly living: readonly { readonly delivery: string; readonly until: Date | null }[];
};

/** @param now what has ended by itself by then no longer lives. */
export function effectOf({ stop, deliveries }: Incident, now: Date): Effect {
  const since = stop.placedAt;
  const after = (moments: readonly (Date | null)[]): number | null => {
    const late = moments.flatMap((at) => (at === null ? [] : [at.getTime() - since.getTime()]));
    return late.length === 0 ? null : Math.max(0, ...late);
  };
  const hooks = deliveries.filter(
    ({ hookStartedAt, hookEndedAt }) =>
      hookStartedAt !== null && (hookEndedAt === null || hookEndedAt >= since),
  );
  const ended = hooks.filter(({ hookEndedAt }) => hookEndedAt !== null);
  const left = hooks.filter(({ hookEndedAt }) => hookEndedAt === null);
  const revocable = deliveries.map(({ revokedAt, credentials }) => ({
    revokedAt,
    count: credentials.filter(({ isRevocable }) => isRevocable).length,
  }));
  const gone = revocable.filter(({ revokedAt, count }) => count > 0 && revokedAt !== null);
  const pending = revocable.filter(({ revokedAt }) => revokedAt === null);
  return {
    deliveries: deliveries.length,
    seenMs: after(deliveries.map(({ seenAt }) => seenAt)),
    hooks: {
      ended: ended.length,
      running: left.filter(({ endedAt }) => endedAt === null).length,
      unseen: left.filter(({ endedAt }) => endedAt !== null).length,
      lastMs: after(ended.map(({ hookEndedAt }) => hookEndedAt)),
    },
    credentials: {
      revoked: sum(gone.map(({ count }) => count)),
      pending: sum(pending.map(({ count }) => count)),
      lastMs: after(gone.map(({ revokedAt }) => revokedAt)),
    },
    living: deliveries.flatMap(({ id, revokedAt, credentials }) =>
      credentials
        .filter(({ isRevocable }) => revokedAt === null || !isRevocable)
        .filter(({ diesAt }) => diesAt === null || diesAt > now)
        .map(({ diesAt }) => ({ delivery: id, until: diesAt })),
    ),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
