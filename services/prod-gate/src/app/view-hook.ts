/** One registered hook: what lies here, which targets pin it, and what it last did. For showing only. */
import type { HookManifest } from '@airlock/process/hook-manifest';
import type { GateFiles } from './configuration-ports.ts';
import type { Delivery } from './delivery-ports.ts';
import type { PromotionQueries } from './query-ports.ts';

/** A hook's directory as it lies on this host. */
export type RegisteredHook = {
  readonly digest: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Null where its hook.yaml cannot be followed. */
  readonly manifest: HookManifest | null;
  /** Why not; null otherwise. */
  readonly fault: string | null;
};

export type HookUse = 'delivers' | 'verifies' | 'observes';

export type HookPin = {
  readonly target: string;
  readonly use: HookUse;
  /** As the target file says. */
  readonly digest: string;
  /** Whether those very files lie here. */
  readonly isHere: boolean;
};

export type HookRun = {
  readonly delivery: Delivery;
  readonly release: string;
  /** That was pinned by what was approved. */
  readonly digest: string;
};

export type HookView = {
  readonly name: string;
  /** Null where no such directory lies here. */
  readonly registered: RegisteredHook | null;
  readonly pins: readonly HookPin[];
  /** Deliveries by it to targets that pin it now, newest first. */
  readonly runs: readonly HookRun[];
};

export type HookSources = {
  readonly views: { files(): Promise<Pick<GateFiles, 'targets'>> };
  readonly queries: Pick<PromotionQueries, 'deliveries' | 'promotions'>;
  readonly registeredHook: (name: string) => Promise<RegisteredHook | null>;
};

/** Deliveries of one target that are looked through. */
const listed = 20;

/** Null where no target pins such a hook and none lies here. */
export async function viewHook(
  { views, queries, registeredHook }: HookSources,
  name: string,
): Promise<HookView | null> {
  const [{ targets }, registered] = await Promise.all([views.files(), registeredHook(name)]);
  const pins = [...targets].flatMap(([target, { policy }]) =>
    (
      [
        ['delivers', policy.deliver.hook],
        ['verifies', policy.verify?.hook],
        ['observes', policy.observe?.hook],
      ] as const
    ).flatMap(([use, hook]) => {
      const [pinned, digest] = hook?.split('@sha256:') ?? [];
      return pinned !== name || digest === undefined
        ? []
        : [{ target, use, digest, isHere: registered?.digest === digest }];
    }),
  );
  if (registered === null && pins.length === 0) return null;
  const delivering = pins.flatMap(({ target, use }) => (use === 'delivers' ? [target] : []));
  const runs = await Promise.all(delivering.map((target) => runsOn(queries, target, name)));
  return {
    ...{ name, registered, pins },
    runs: runs
      .flat()
      .sort((a, b) => b.delivery.startedAt.getTime() - a.delivery.startedAt.getTime())
      .slice(0, listed),
  };
}

async function runsOn(
  queries: HookSources['queries'],
  target: string,
  name: string,
): Promise<HookRun[]> {
  const [deliveries, promotions] = await Promise.all([
    queries.deliveries({ target, limit: listed }),
    queries.promotions({ target, limit: listed * 5 }),
  ]);
  return deliveries.flatMap((delivery) => {
    const promotion = promotions.find(({ id }) => id === delivery.promotionId);
    const [ran, digest] = promotion?.hook.split('@sha256:') ?? [];
    return promotion === undefined || ran !== name || digest === undefined
      ? []
      : [{ delivery, release: promotion.release, digest }];
  });
}
