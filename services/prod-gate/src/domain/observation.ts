/**
 * Whether what runs on a target is what was delivered there: an observe hook says which artifacts run, and the ledger which one
 * is live. A warning for people; no delivery is held up or started by it.
 */
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { Id } from '@airlock/common/ids';
import type { ProvenRelease } from './ledger-facts.ts';
import type { KnownStop } from './stop.ts';

/**
 * - same: the live artifact runs there and nothing else
 * - other: something else does, beside it or alone, or nothing does
 * - unknown: the hook could not say
 */
export const sights = ['same', 'other', 'unknown'] as const;
export type Sight = (typeof sights)[number];

/** What people were told last and what is not over yet. */
export const toldStates = ['drifted', 'unobserved'] as const;

export type Observation = {
  readonly target: string;
  /** The delivery and the artifact (64 hex) that the ledger had as live then. */
  readonly deliveryId: string;
  readonly artifactDigest: string;
  readonly sight: Sight;
  /** `sha256:…` of everything that runs, as the hook said; empty for `unknown`. */
  readonly running: readonly string[];
  /** Why it is unknown and how to mend that; null for any other. */
  readonly reason: string | null;
  /** Since when it has been so without a break, of this delivery. */
  readonly since: Date;
  readonly lookedAt: Date;
  readonly nextAt: Date;
  /** Of the last look that was not `unknown`; null before. */
  readonly seenAt: Date | null;
  readonly unknownInARow: number;
  readonly told: {
    readonly as: (typeof toldStates)[number];
    /** Of the look that it was told for; the news of its end belongs to it. */
    readonly id: string;
  } | null;
};

/** What a hook said, or in words why it could not. */
export type Look = { readonly running: readonly string[] } | { readonly reason: string };

/** A hook that fails once has had a bad moment; one that fails so often looks no more, and whoever changed the target may be why. */
export const unknownUntilTold = 3;

/** One run at the longest, in seconds. */
export const longestLookSeconds = 30;

/** Of `every`: how much earlier or later the next look is, so that targets are not looked at all at once. */
const jitter = 0.1;

export function isLookDue(
  last: Pick<Observation, 'deliveryId' | 'lookedAt' | 'nextAt'> | null,
  given: { readonly live: ProvenRelease; readonly everySeconds: number; readonly now: Date },
): boolean {
  if (last === null || last.deliveryId !== given.live.deliveryId) return true;
  const { now } = given;
  // With a clock that was put back, or an interval that was shortened, the moment that was noted is far away.
  const longest = last.lookedAt.getTime() + given.everySeconds * 1000 * (1 + jitter);
  return now < last.lookedAt || now >= last.nextAt || now.getTime() >= longest;
}

/** The stop for which nobody looks: whoever stops everything wants nothing more to reach the target, and no hook to run. */
export function stopsLooking(stops: readonly KnownStop[], target: string): KnownStop | null {
  const found = stops.find(
    ({ kind, matter, targets }) =>
      (kind === 'stop-all' || (kind === 'revoke-leases' && matter === null)) &&
      (targets.length === 0 || targets.includes(target)),
  );
  return found ?? null;
}

export function sightOf(look: Look, artifactDigest: string): Sight {
  if ('reason' in look) return 'unknown';
  const { running } = look;
  const isSame = running.length > 0 && running.every((one) => one === `sha256:${artifactDigest}`);
  return isSame ? 'same' : 'other';
}

export type LookEntry = {
  readonly type: Extract<LedgerEntry['type'], `target.${string}`>;
  readonly refs: Readonly<Record<string, string>>;
};

/**
 * What is known after a look, and what the ledger and people are told: that something else runs, that nobody could see it
 * {@link unknownUntilTold} times in a row, and that either is over; each once.
 *
 * A release that is live for less than one interval may still be on its way to the last machine: that something else runs
 * beside it is shown at once and told when it is still so afterwards.
 */
export function afterLook(
  last: Observation | null,
  look: Look,
  given: {
    readonly live: ProvenRelease;
    readonly everySeconds: number;
    readonly at: Date;
    /** At least 0 and below 1. */
    readonly random: number;
    readonly id: Id<'obs'>;
  },
): { readonly observation: Observation; readonly entry: LookEntry | null } {
  const { live, at, everySeconds, id } = given;
  const sight = sightOf(look, live.artifactDigest);
  const wasSo = last?.sight === sight && last.deliveryId === live.deliveryId;
  const unknownInARow = sight === 'unknown' ? (last?.unknownInARow ?? 0) + 1 : 0;
  const isSettling = at.getTime() - live.since.getTime() < everySeconds * 1000;
  const before = last?.told ?? null;
  const running = 'running' in look ? look.running : [];

  const told = ((): Observation['told'] => {
    if (sight === 'same') return null;
    if (before?.as === 'drifted') return before;
    if (sight === 'other') return isSettling ? before : { as: 'drifted', id };
    return before === null && unknownInARow >= unknownUntilTold ? { as: 'unobserved', id } : before;
  })();

  const wait = everySeconds * 1000 * (1 - jitter + 2 * jitter * given.random);
  return {
    observation: {
      ...{ target: live.target, deliveryId: live.deliveryId, artifactDigest: live.artifactDigest },
      ...{ sight, running, reason: 'reason' in look ? look.reason : null },
      since: wasSo ? last.since : at,
      lookedAt: at,
      nextAt: new Date(at.getTime() + wait),
      seenAt: sight === 'unknown' ? (last?.seenAt ?? null) : at,
      ...{ unknownInARow, told },
    },
    entry: told?.id === before?.id ? null : entryOf({ told, before, live, running }),
  };
}

function entryOf(given: {
  readonly told: Observation['told'];
  readonly before: Observation['told'];
  readonly live: ProvenRelease;
  readonly running: readonly string[];
}): LookEntry {
  const { told, before, live, running } = given;
  const { target, release, artifactDigest, deliveryId } = live;
  const refs = { target, release, artifact: artifactDigest, delivery: deliveryId };
  if (told === null) {
    return {
      type: 'target.settled',
      refs: { ...refs, observation: before?.id ?? '', was: before?.as ?? '' },
    };
  }
  if (told.as === 'unobserved') {
    return { type: 'target.unobserved', refs: { ...refs, observation: told.id } };
  }
  const others = running.filter((one) => one !== `sha256:${artifactDigest}`);
  return {
    type: 'target.drifted',
    refs: {
      ...refs,
      observation: told.id,
      // One by its name; a value of the ledger has no room for all of them.
      running: others[0] ?? 'nothing',
      others: String(others.length),
    },
  };
}
