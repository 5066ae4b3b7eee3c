/**
 * A stop: one person places it, with a reason; two lift it. It holds from its row at once, and from the ledger for good, so
 * that whoever deletes the row starts nothing again.
 *
 * - freeze: running deliveries finish, new ones wait
 * - stop-all: also what runs is ended, its credentials revoked
 * - quarantine, distrust-signer: promotions that rest on the matter wait
 * - revoke-leases: what runs is killed and its credentials revoked at once; new deliveries wait. Of one delivery: of it alone
 * - cut-pair: nothing more is taken in from nonprod
 */
import { placedStopDigest } from '@airlock/common/approval/lift';
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import { matterKinds } from './matter.ts';
import { momentIn } from './moment.ts';
import type { Promotion } from './promotion.ts';

export const stopKinds = [
  'freeze',
  'stop-all',
  'revoke-leases',
  'quarantine',
  'distrust-signer',
  'cut-pair',
] as const;
export type StopKind = (typeof stopKinds)[number];

/** What a stop can be about, by its kind; the value follows after a colon. */
export const stopMatters: Readonly<Record<StopKind, readonly string[]>> = {
  freeze: [],
  'stop-all': [],
  'revoke-leases': ['delivery'],
  quarantine: matterKinds,
  'distrust-signer': ['key'],
  'cut-pair': [],
};
/** Those that are nothing without one. */
export const matterNeeded: readonly StopKind[] = ['quarantine', 'distrust-signer'];

/** Stands where a person does in what came of the file of the emergency stop. */
export const hostPerson = 'host';
/** Stands where the id of a stop does for that file, which the ledger may not have yet. */
export const hostStop = 'emergency-stop';

export type Stop = {
  readonly id: string;
  readonly kind: StopKind;
  /** None: all. Also targets without a file any more. */
  readonly targets: readonly string[];
  /** Such as `key:…` or `commit:…`; null where the kind needs none. */
  readonly matter: string | null;
  /** A quarantine holds what was taken in from then on; null: whenever. */
  readonly since: Date | null;
  /** A freeze is over then by itself; null: when two people lift it. */
  readonly until: Date | null;
  /** Ids of promotions that a freeze lets through. */
  readonly except: readonly string[];
  /** Null where only the ledger has it, which keeps no free text. */
  readonly reason: string | null;
  /** Roster id; `host` for the file of the emergency stop. */
  readonly person: string;
  readonly placedAt: Date;
};

/** With the digest that whoever lifts it signs. */
export type KnownStop = Stop & { readonly digest: string };

export type StoppedMatter = Pick<Promotion, 'id' | 'target' | 'admittedAt'> & {
  /** What it rests on, as `mattersOf` (domain/trace.ts) has it. */
  readonly matters: readonly string[];
};

/** As `placedStopDigest` of the kernel has it. */
export function stopDigest(stop: Stop): string {
  return placedStopDigest({
    ...stop,
    ...{ since: stop.since?.toISOString() ?? null, until: stop.until?.toISOString() ?? null },
    placedAt: stop.placedAt.toISOString(),
  });
}

/** What the ledger keeps of it: everything but the reason, which stands in the digest alone. */
export function stopRefs(stop: Stop): Readonly<Record<string, string>> {
  const { id, kind, targets, matter, since, until, except, person } = stop;
  return {
    ...{ stop: id, kind, targets: targets.join(' '), person },
    ...(matter === null ? {} : { matter }),
    ...(since === null ? {} : { since: since.toISOString() }),
    ...(until === null ? {} : { until: until.toISOString() }),
    ...(except.length === 0 ? {} : { except: except.join(' ') }),
  };
}

/** Of an entry `stop.placed`; null for one that this version does not know how to read. */
export function stopOfEntry({ at, refs, subjectDigest }: LedgerEntry): KnownStop | null {
  // The file of the emergency stop was there before the ledger had its stop.
  const { stop: id, kind: said, targets, matter, since, until, except, person, set } = refs;
  const kind = stopKinds.find((each) => each === said);
  if (id === undefined || kind === undefined || targets === undefined || person === undefined) {
    return null;
  }
  return {
    ...{ id, digest: subjectDigest, kind, targets: words(targets), matter: matter ?? null },
    // A time that is none is read as the stricter: without an end, and from the beginning.
    ...{ since: momentIn(since), until: momentIn(until), except: words(except ?? '') },
    ...{
      reason: null,
      person,
      placedAt: (person === hostPerson ? momentIn(set) : null) ?? new Date(at),
    },
  };
}

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

/**
 * The stops that hold now. What the ledger says of one counts before what its row says; a row that the ledger does not have
 * yet counts as it is.
 */
export function stopsInForce(given: {
  readonly rows: readonly KnownStop[];
  readonly ledger: readonly KnownStop[];
  readonly isLifted: (id: string) => boolean;
  readonly now: Date;
}): readonly KnownStop[] {
  const proven = given.ledger.map((stop) => {
    const row = given.rows.find(({ id, digest }) => id === stop.id && digest === stop.digest);
    return { ...stop, reason: row?.reason ?? null };
  });
  const fresh = given.rows.filter(({ id }) => !proven.some((stop) => stop.id === id));
  return [...proven, ...fresh]
    .filter(({ id, until }) => !given.isLifted(id) && (until === null || until > given.now))
    .sort((one, other) => other.placedAt.getTime() - one.placedAt.getTime());
}

/** Whether it is a freeze that would hold this promotion but for its exception. */
export function excepts(stop: Stop, { id, target }: Pick<StoppedMatter, 'id' | 'target'>): boolean {
  const isHere = stop.targets.length === 0 || stop.targets.includes(target);
  return stop.kind === 'freeze' && isHere && stop.except.includes(id);
}

/** Whether it holds this promotion. @param delivery id of its delivery once that has begun, else null. */
export function holds(stop: Stop, promotion: StoppedMatter, delivery: string | null): boolean {
  const here = stop.targets.length === 0 || stop.targets.includes(promotion.target);
  switch (stop.kind) {
    case 'freeze':
      return here && delivery === null && !stop.except.includes(promotion.id);
    case 'stop-all':
      return here;
    case 'revoke-leases':
      return stop.matter === null
        ? here
        : delivery !== null && stop.matter === `delivery:${delivery}`;
    case 'quarantine':
    case 'distrust-signer':
      return (
        here &&
        stop.matter !== null &&
        restsOn(promotion, stop.matter, delivery !== null) &&
        (stop.since === null || promotion.admittedAt >= stop.since)
      );
    case 'cut-pair':
      return false;
  }
}

/**
 * Whether the page of this delivery shows it: it was placed before the delivery ended, and either ends it or, a freeze, says what
 * it leaves running.
 *
 * @param delivery `finishedAt` is null while it runs.
 */
export function concerns(
  stop: Stop,
  promotion: StoppedMatter,
  delivery: { readonly id: string; readonly finishedAt: Date | null },
): boolean {
  if (delivery.finishedAt !== null && stop.placedAt > delivery.finishedAt) return false;
  const isHere = stop.targets.length === 0 || stop.targets.includes(promotion.target);
  return (stop.kind === 'freeze' && isHere) || holds(stop, promotion, delivery.id);
}

/** What may rest on it for all that is known waits as well; only what does rest on it is ended while it runs. */
function restsOn({ matters }: StoppedMatter, matter: string, isRunning: boolean): boolean {
  const anyOfKind = matter.slice(0, matter.indexOf(':') + 1);
  return matters.includes(matter) || (!isRunning && matters.includes(anyOfKind));
}
