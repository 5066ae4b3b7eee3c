/**
 * Between "everybody has approved" and "it starts" a target may ask for time in which anybody can still stop it. It counts from
 * what the deliverer itself announced in the ledger: web, which takes the approvals, cannot shorten it by what it says of their
 * times, and the deliverer cannot announce it for before the last of them.
 */
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { KnownStop } from './stop.ts';

/** Time that is not over yet; `startsAt` is null until it was announced. */
export type Cooling = { readonly startsAt: Date | null };

/** @returns null where none is asked for, or it is over. */
export function coolingLeft(given: {
  /** As the target file says, in seconds. */
  readonly seconds: number | undefined;
  readonly announcedAt: Date | null;
  readonly now: Date;
}): Cooling | null {
  const { seconds, announcedAt, now } = given;
  if (seconds === undefined) return null;
  if (announcedAt === null) return { startsAt: null };
  const startsAt = new Date(announcedAt.getTime() + seconds * 1000);
  return startsAt <= now ? null : { startsAt };
}

export type AnnouncementFold = {
  /** When the delivery of this document was announced; null where an approval, a withdrawal or a stop came after that. */
  readonly announcedAt: (promotionDigest: string) => Date | null;
  apply(entry: LedgerEntry): void;
  /** A stop of its target: what was announced is announced anew when deliveries start again. */
  stopped(stop: KnownStop): void;
};

export function createAnnouncementFold(): AnnouncementFold {
  const announced = new Map<string, { readonly target: string; readonly at: Date }>();
  const lastApproval = new Map<string, number>();
  return {
    announcedAt: (promotionDigest) => announced.get(promotionDigest)?.at ?? null,
    apply({ type, at, subjectDigest, refs }) {
      if (type === 'approval.recorded' || type === 'approval.withdrawn') {
        const last = lastApproval.get(subjectDigest) ?? 0;
        lastApproval.set(subjectDigest, Math.max(last, Date.parse(at)));
        announced.delete(subjectDigest);
      }
      // The first one: said again, it does not start later.
      if (type === 'delivery.announced' && !announced.has(subjectDigest)) {
        const said = Math.max(Date.parse(at), lastApproval.get(subjectDigest) ?? 0);
        announced.set(subjectDigest, { target: refs['target'] ?? '', at: new Date(said) });
      }
    },
    stopped({ targets }) {
      for (const [digest, { target }] of announced) {
        if (targets.length === 0 || targets.includes(target)) announced.delete(digest);
      }
    },
  };
}
