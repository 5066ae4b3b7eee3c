/** A target whose delivery by break-glass or outside its windows nobody looked at in time is frozen, by no person and without anybody's asking. */
import { freezeFor, isOverdue } from '../domain/waiver.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Transactor } from './ports.ts';
import type { StopStore } from './stop-ports.ts';

/**
 * The watchdog's pass: freezes every target whose review was not made in time. A stop like any other: two people lift it, and
 * the review stays owed.
 *
 * @returns what was frozen now.
 */
export function createFreezePass(ports: {
  readonly ledger: FollowLedger;
  readonly stops: Pick<StopStore, 'recent' | 'insert'>;
  readonly transactor: Transactor;
  readonly recorder: Recorder;
  readonly clock: () => Date;
}): () => Promise<readonly { readonly stop: string; readonly delivery: string }[]> {
  const recorded = new Set<string>();
  return async () => {
    const facts = await ports.ledger();
    const now = ports.clock();
    const missing = facts
      .waiverUses()
      .filter((use) => isOverdue(use, now) && !use.isFrozen && !recorded.has(use.deliveryId));
    if (missing.length === 0) return [];
    const rows = await ports.stops.recent();
    const done: { stop: string; delivery: string }[] = [];
    for (const use of missing) {
      const stop = freezeFor(use);
      // The row is for pages: one of that id may be anybody's, and milder. The entry freezes.
      const isThere = rows.some(({ id }) => id === stop.id);
      await ports.transactor.transaction(async (tx) => {
        if (!isThere) await ports.stops.insert(tx, stop);
        await ports.recorder.record(tx, {
          ...{ type: `${use.kind}.unreviewed`, at: now, actor: stop.person },
          subjectDigest: use.promotionDigest,
          refs: {
            ...{ delivery: use.deliveryId, promotion: use.promotionId, target: use.target },
            stop: stop.id,
          },
        });
      });
      recorded.add(use.deliveryId);
      done.push({ stop: stop.id, delivery: use.deliveryId });
    }
    return done;
  };
}
