/**
 * Whether what runs on a target is what was delivered there: an observe hook says which artifacts run, and the ledger which one
 * is live. A warning for people; no delivery is held up or started by it.
 */
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { Id } from '@airlock/common/ids';
import type { ProvenRelease } from './ledger-facts.ts';
import { inTurn, type NoticeKind, type NoticePeriod } from './notice-period.ts';
import type { KnownStop } from './stop.ts';

/**
 * - same: the live artifact runs there and nothing else
 * - other: something else does, beside it or alone, or nothing does
 * - unknown: the hook could not say
 */
export const sights = ['same', 'other', 'unknown'] as const;
export type Sight = (typeof sights)[number];

/** What is worth telling and not over yet. */
export const standings = ['drifted', 'unobserved'] as const satisfies readonly NoticeKind[];

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
  /** Whether this host kept the hook from looking; false for a sight that is not `unknown`. */
  readonly byHost: boolean;
  readonly standing: {
    readonly as: (typeof standings)[number];
    /** Of the look with which it began; what is told of it is one thread, and so is its end. */
    readonly id: string;
  } | null;
  /** Null where nothing was told lately of this delivery. */
  readonly period: NoticePeriod | null;
};

/** What a hook said, or in words why it could not; `byHost` where it is this host that kept it from looking. */
export type Look =
  { readonly running: readonly string[] } | { readonly reason: string; readonly byHost?: true };

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
 * {@link unknownUntilTold} times in a row or that this host cannot look, and that either is over; each once, and where it goes to
 * and fro once a {@link NoticePeriod}, with a count.
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
  const { live, at, everySeconds } = given;
  const sight = sightOf(look, live.artifactDigest);
  const isOfSame = last?.deliveryId === live.deliveryId;
  const unknownInARow = sight === 'unknown' ? (last?.unknownInARow ?? 0) + 1 : 0;
  const byHost = 'byHost' in look;
  const isSettling = at.getTime() - live.since.getTime() < everySeconds * 1000;
  const before = last?.standing ?? null;
  // Another delivery begins anew: people put it there, and nobody floods anybody by deliveries.
  const earlier = isOfSame ? last.period : null;
  const id = before?.id ?? earlier?.thread ?? given.id;

  const standing = ((): Observation['standing'] => {
    if (sight === 'same') return null;
    if (before?.as === 'drifted') return before;
    if (sight === 'other') return isSettling ? before : { as: 'drifted', id };
    const isBlind = byHost || unknownInARow >= unknownUntilTold;
    return before === null && isBlind ? { as: 'unobserved', id } : before;
  })();
  const { period, notice } = inTurn(earlier, {
    kind: standing?.as ?? 'settled',
    ...{ isChange: standing?.as !== before?.as, at, thread: id },
  });

  const wait = everySeconds * 1000 * (1 - jitter + 2 * jitter * given.random);
  return {
    observation: {
      ...{ target: live.target, deliveryId: live.deliveryId, artifactDigest: live.artifactDigest },
      ...{ sight, running: 'running' in look ? look.running : [] },
      reason: 'reason' in look ? look.reason : null,
      since: isOfSame && last.sight === sight ? last.since : at,
      lookedAt: at,
      nextAt: new Date(at.getTime() + wait),
      seenAt: sight === 'unknown' ? (last?.seenAt ?? null) : at,
      ...{ unknownInARow, byHost, standing, period },
    },
    entry: notice === null ? null : entryOf({ ...notice, before, live, look }),
  };
}

function entryOf(given: {
  readonly kind: NoticeKind;
  readonly thread: string;
  readonly changes: number;
  readonly before: Observation['standing'];
  readonly live: ProvenRelease;
  readonly look: Look;
}): LookEntry {
  const { kind, thread, changes, before, live, look } = given;
  const { target, release, artifactDigest, deliveryId } = live;
  const refs = {
    ...{ target, release, artifact: artifactDigest, delivery: deliveryId, observation: thread },
    ...(changes > 1 && { changes: String(changes) }),
  };
  switch (kind) {
    case 'settled':
      return { type: 'target.settled', refs: { ...refs, was: before?.as ?? 'drifted' } };
    case 'unobserved':
      return {
        type: 'target.unobserved',
        refs: { ...refs, cause: 'byHost' in look ? 'host' : 'hook' },
      };
    case 'drifted': {
      // Told late, it may be that nobody can see it by now.
      if ('reason' in look)
        return { type: 'target.drifted', refs: { ...refs, running: 'unknown' } };
      const others = look.running.filter((one) => one !== `sha256:${artifactDigest}`);
      return {
        type: 'target.drifted',
        // One by its name; a value of the ledger has no room for all of them.
        refs: { ...refs, running: others[0] ?? 'nothing', others: String(others.length) },
      };
    }
  }
}
