/** What rests on one matter, looked up by traces and shown with what people can do about it. Decides nothing. */
import type { Roster } from '@airlock/common/policy/target-policy';
import {
  blastRadius,
  doubtOf,
  evidenceOf,
  type Found,
  type Touched,
} from '../domain/blast-radius.ts';
import { matterText, readMatter } from '../domain/matter.ts';
import type { KnownStop } from '../domain/stop.ts';
import { termsOf } from '../domain/trace.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { LiveRelease } from './promotion-ports.ts';
import type { PromotionQueries } from './query-ports.ts';
import type { StopStore } from './stop-ports.ts';
import type { TraceQuestion, TraceStore } from './trace-ports.ts';
import { ledgerOnPages, readStops } from './watch-stops.ts';

export type BlastSources = {
  readonly traces: TraceStore;
  readonly queries: Pick<PromotionQueries, 'live' | 'promotions'>;
  readonly stops: Pick<StopStore, 'recent'>;
  readonly ledger: FollowLedger;
  readonly files: () => Promise<{ readonly roster: { readonly roster: Roster } }>;
};

export type BlastQuestion = Omit<TraceQuestion, 'terms'>;

export type BlastRadius = BlastQuestion & {
  readonly touched: readonly Touched[];
  /** True where older ones that are neither live nor open were left out. */
  readonly hasMore: boolean;
  /** In force, on this very matter. */
  readonly quarantines: readonly KnownStop[];
  /** Why to ask wider, in words. */
  readonly doubt: string | null;
  /** Keys that signed what is listed: what a builder says of itself is as good as these. */
  readonly keys: readonly string[];
};

/** What ended and is not live is listed up to here; what is live, waits or runs is always listed. */
const mostListed = 200;
const mostOpen = 1000;

/** @throws LedgerError while no ledger can be proven: what is in quarantine is not known then. */
export async function viewBlastRadius(
  sources: BlastSources,
  asked: BlastQuestion,
  now: Date,
): Promise<BlastRadius> {
  const { traces, queries } = sources;
  const [{ roster }, live, open, inForce] = await Promise.all([
    sources.files(),
    queries.live(),
    queries.promotions({ states: ['waiting', 'delivering'], limit: mostOpen }),
    sources.ledger().then((ledger) => readStops(sources.stops, ledger, now)),
  ]);
  const question = { ...asked, terms: termsOf(asked.matter, roster.roster) };
  const liveIds = new Set<string>(live.map(({ promotionId }) => promotionId));
  const [current, newest] = await Promise.all([
    traces.among(question, [...liveIds, ...open.map(({ id }) => id)]),
    traces.newest(question, mostListed + 1),
  ]);
  const past = newestFirst(newest);
  const ids = new Set([...newestFirst(current), ...past.slice(0, mostListed)]);
  const known = new Set(current.map(({ promotionId }) => promotionId));
  const listed = await traces.listed([...ids]);
  const quarantines = inForce.filter(({ matter }) => matter === matterText(asked.matter));
  return {
    ...asked,
    ...{ quarantines, doubt: doubtOf[asked.matter.kind] },
    keys: [...new Set(listed.flatMap(({ promotion }) => promotion.keyIds))].sort(),
    hasMore: past.length > mostListed,
    touched: blastRadius({
      found: [...current, ...newest.filter(({ promotionId }) => !known.has(promotionId))],
      live: liveIds,
      promotions: listed.map(({ promotion }) => promotion),
      deliveries: new Map(
        listed.flatMap(({ promotion, delivery }) =>
          delivery === null ? [] : [[promotion.id as string, delivery]],
        ),
      ),
      quarantines: quarantines.map(({ id, targets, since }) => ({
        id,
        holds: ({ target, admittedAt }) =>
          (targets.length === 0 || targets.includes(target)) &&
          (since === null || admittedAt >= since),
      })),
    }),
  };
}

/** Ids of the promotions, each once. */
function newestFirst(found: readonly Found[]): string[] {
  const latest = new Map<string, number>();
  for (const { promotionId, at } of found) {
    latest.set(promotionId, Math.max(latest.get(promotionId) ?? 0, at.getTime()));
  }
  return [...latest].sort(([, one], [, other]) => other - one).map(([id]) => id);
}

/** A release that is live and rests on what is in quarantine. */
export type LiveTouched = {
  readonly stop: KnownStop;
  readonly release: LiveRelease;
  /** True where it only cannot be ruled out. */
  readonly isOnlyPossible: boolean;
};

/** What is live on the targets of each quarantine in force, and rests on its matter. */
export async function viewLiveTouched(sources: BlastSources, now: Date): Promise<LiveTouched[]> {
  const [{ roster }, live, ledger] = await Promise.all([
    sources.files(),
    sources.queries.live(),
    // Without a ledger every stop of a row counts.
    ledgerOnPages(sources.ledger),
  ]);
  const inForce = await readStops(sources.stops, ledger, now);
  const touched = inForce.map(async (stop): Promise<LiveTouched[]> => {
    const matter = stop.kind === 'revoke-leases' ? null : readMatter(stop.matter ?? '');
    if (matter === null || 'fault' in matter) return [];
    const here = live.filter(
      ({ target }) => stop.targets.length === 0 || stop.targets.includes(target),
    );
    const terms = termsOf(matter, roster.roster);
    const found = await sources.traces.among(
      { matter, terms, since: stop.since, until: null },
      here.map(({ promotionId }) => promotionId),
    );
    return here.flatMap((release) => {
      const why = found.filter(({ promotionId }) => promotionId === release.promotionId);
      const isOnlyPossible = why.every((each) => evidenceOf(each).basis === 'not-said');
      return why.length === 0 ? [] : [{ stop, release, isOnlyPossible }];
    });
  });
  return (await Promise.all(touched)).flat();
}
