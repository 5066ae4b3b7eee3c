/**
 * A return: a release that was live on a target before is delivered there again. What makes it one is what the ledger says
 * of the target's deliveries; what became of the migrations since is answered by those who approve it.
 */
import type { PromotionDocument, ReturnOrder } from '@airlock/common/promotion/document';
import type { Migration } from './changes/migrations.ts';
import type { Delta } from './delta.ts';
import type { ProvenDelivery } from './ledger-facts.ts';

/** A delivery that was begun on the target since, with the changes that its approvers signed. */
export type StepSince = {
  readonly deliveryId: string;
  readonly release: string;
  /** Whether it went live; a delivery that did not may have applied its migrations all the same. */
  readonly wasLive: boolean;
  readonly delta: Delta;
};

/** Where a return would lead, and what lies between: proven by the ledger and the documents that it names. */
export type ReturnGround = {
  readonly to: ProvenDelivery;
  /** What was approved then. */
  readonly document: PromotionDocument;
  /** The promotion with which the release first came to the gate, and when the ledger says that it did. */
  readonly first: { readonly promotionId: string; readonly admittedAt: Date };
  /** What came with the release when it first came. */
  readonly brought: Delta;
  /** The oldest first; returns bring nothing and are left out. */
  readonly since: readonly StepSince[];
};

export type MigrationSince = Migration & { readonly release: string };

/** The migrations of every delivery since, each path once, as the last one had it, in the order in which they came. */
export function migrationsSince({ since }: Pick<ReturnGround, 'since'>): readonly MigrationSince[] {
  const found = new Map<string, MigrationSince>();
  for (const { release, delta } of since) {
    for (const migration of delta.details?.migrations.list ?? []) {
      found.set(migration.path, { ...migration, release });
    }
  }
  return [...found.values()];
}

/** Why the migrations since cannot all be named; null when they can. */
export function unnamedMigrations({ since }: Pick<ReturnGround, 'since'>): string | null {
  const unread = since.find(
    ({ delta: { details } }) =>
      details === undefined || details.migrations.list.length < details.migrations.count,
  );
  return unread === undefined
    ? null
    : `the migrations of ${unread.release} are not all on record; build a release that takes its changes back, and promote that`;
}

/** What is wrong with the answers to the question of each migration; null when each has one that can be given. */
export function answersFault(
  migrations: readonly MigrationSince[],
  answers: ReturnOrder['migrations'],
): string | null {
  for (const { path, undo, release } of migrations) {
    const given = answers.filter((answer) => answer.path === path);
    const [only] = given;
    if (only === undefined || given.length > 1) {
      return `${path} came with ${release}: say once whether the release that is returned to tolerates it, or whether its undoing file takes it back`;
    }
    if (only.answer === 'down' && undo === null) {
      return `${path} has no undoing file, so that nothing takes it back; the release that is returned to has to tolerate it`;
    }
  }
  const stranger = answers.find(({ path }) => migrations.every((each) => each.path !== path));
  return stranger === undefined
    ? null
    : `${stranger.path} is no migration that came since; leave it out`;
}

/**
 * Why nobody can return there now; null when it can be asked for.
 *
 * @param liveDelivery the delivery that is live by the ledger; null when none is.
 */
export function askFault(
  { to, since }: Pick<ReturnGround, 'to' | 'since'>,
  answers: ReturnOrder['migrations'],
  liveDelivery: string | null,
): string | null {
  if (liveDelivery === null || liveDelivery === to.deliveryId) {
    return `${to.release} is what is live now; there is nothing to return from`;
  }
  return unnamedMigrations({ since }) ?? answersFault(migrationsSince({ since }), answers);
}

/** The part of a promotion that a return takes over from the one that was live. */
export type Returning = {
  readonly returns: ReturnOrder;
  readonly release: string;
  readonly commit: string;
  readonly artifactDigest: string;
  readonly bundleDigest: string;
};

/** Why this promotion is no return to what the ledger proves; null when it is one. `liveDelivery` as for {@link askFault}. */
export function returnFault(
  ground: ReturnGround,
  promotion: Returning,
  liveDelivery: string | null,
): string | null {
  const { to, document, first } = ground;
  const isSame =
    promotion.release === to.release &&
    promotion.commit === to.commit &&
    promotion.artifactDigest === to.artifactDigest &&
    promotion.bundleDigest === document.bundle &&
    promotion.returns.promotion === first.promotionId;
  return isSame
    ? askFault(ground, promotion.returns.migrations, liveDelivery)
    : `it is not the release that delivery ${to.deliveryId} brought`;
}
