/** The first page: what waits for the person who looks, what runs, what waits for others, what is live, what was refused. */
import { awaitsStart } from '../domain/awaits-start.ts';
import { explainIntakeCode } from '../domain/intake-codes.ts';
import type { ListedPromotion } from '../domain/promotion.ts';
import { sightingOf, type Sighting } from '../domain/sighting.ts';
import type { IntakeItem } from './intake-ports.ts';
import type { LiveRelease, RepositoryFreeze } from './promotion-ports.ts';
import type { PromotionQueries } from './query-ports.ts';
import type { VaultSession } from './vault-session-ports.ts';
import { viewPromotion, type PromotionView } from './view-promotion.ts';
import type { ViewSources } from './view-sources.ts';

const shownEnded = 10;
const shownRefused = 20;
/** One promotion waits per target; more than this is somebody's flood. */
const mostOpen = 100;

export type RefusedItem = IntakeItem & { readonly meaning: string; readonly mend: string };

/** With what runs there, as far as anybody looks. */
export type ShownLive = LiveRelease & { readonly sighting: Sighting };

export type QueueView = {
  readonly needsYou: readonly PromotionView[];
  readonly inProgress: readonly PromotionView[];
  readonly waitingForOthers: readonly PromotionView[];
  readonly live: readonly ShownLive[];
  /** Targets that have a file and nothing live yet. */
  readonly empty: readonly string[];
  /** Ended lately, newest first. */
  readonly ended: readonly ListedPromotion[];
  readonly refused: readonly RefusedItem[];
  readonly freezes: readonly RepositoryFreeze[];
  /** Whose credentials are not proven gone: their targets take no delivery. */
  readonly held: readonly VaultSession[];
};

export type QueueSources = ViewSources & {
  readonly queries: Pick<
    PromotionQueries,
    'approvals' | 'promotions' | 'live' | 'refused' | 'freezes' | 'leases'
  >;
};

export async function viewQueue(
  sources: QueueSources,
  question: { readonly nameId: string; readonly now: Date },
): Promise<QueueView> {
  const { queries } = sources;
  const [open, ended, live, refused, freezes, sessions, seen, files] = await Promise.all([
    queries.promotions({ states: ['waiting', 'delivering'], limit: mostOpen }),
    queries.promotions({
      states: ['live', 'failed', 'indeterminate', 'expired', 'superseded', 'rejected'],
      limit: shownEnded,
    }),
    queries.live(),
    queries.refused(shownRefused),
    queries.freezes(),
    queries.leases(mostOpen),
    sources.observations.all(),
    sources.files(),
  ]);
  const views = (
    await Promise.all(
      open.map(({ id }) => viewPromotion(sources, { ...question, promotionId: id })),
    )
  ).filter((view) => view !== null);
  const waiting = views.filter(({ promotion }) => promotion.state === 'waiting');
  return {
    needsYou: waiting.filter(needsViewer),
    inProgress: views.filter(({ promotion }) => promotion.state === 'delivering'),
    waitingForOthers: waiting.filter((view) => !needsViewer(view)),
    live: live.map((release) => ({
      ...release,
      sighting: sightingOf({
        ...{ deliveryId: release.deliveryId, now: question.now },
        observe: files.targets.get(release.target)?.policy.observe,
        observation: seen.find(({ target }) => target === release.target) ?? null,
      }),
    })),
    empty: [...files.targets.keys()].filter((name) => !live.some(({ target }) => target === name)),
    ended,
    refused: refused.map((item) => ({ ...item, ...explainIntakeCode(item.code ?? '') })),
    freezes,
    held: sessions.filter(({ state }) => state === 'REVOKE_PENDING'),
  };
}

/** An approval of theirs would count, is not there, and is missing; or nothing is but that somebody starts it. */
export function needsViewer({ verdict, viewer }: PromotionView): boolean {
  if (awaitsStart(verdict)) return viewer.mayStart;
  return (
    !verdict.allowed &&
    verdict.reasons.some(({ code }) => code === 'E_APPROVALS_MISSING') &&
    viewer.standing?.may === true &&
    viewer.decided === null
  );
}
