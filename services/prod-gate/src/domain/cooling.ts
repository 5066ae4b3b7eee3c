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
  /**
   * When the delivery of this document was announced; null where an approval, a withdrawal, a stop or a freeze of its
   * repository came after that.
   *
   * @param repository as the ledger names it, `repositoryDigest` of ledger-facts.ts.
   */
  readonly announcedAt: (promotionDigest: string, repository: string) => Date | null;
  apply(entry: LedgerEntry): void;
  /** A stop of its target: what was announced is announced anew when deliveries start again. */
  stopped(stop: KnownStop): void;
};

export function createAnnouncementFold(): AnnouncementFold {
  type Announced = { readonly target: string; readonly at: Date; readonly place: number };
  const announced = new Map<string, readonly Announced[]>();
  const lastApproval = new Map<string, number>();
  /** Place of the last freeze by repository; the empty name stands for all of them. */
  const freezes = new Map<string, number>();
  let place = 0;
  return {
    announcedAt(promotionDigest, repository) {
      const since = Math.max(freezes.get(repository) ?? 0, freezes.get('') ?? 0);
      // The first one: said again, it does not start later.
      return announced.get(promotionDigest)?.find((each) => each.place > since)?.at ?? null;
    },
    apply({ type, at, subjectDigest, refs }) {
      place += 1;
      if (type === 'approval.recorded' || type === 'approval.withdrawn') {
        const last = lastApproval.get(subjectDigest) ?? 0;
        lastApproval.set(subjectDigest, Math.max(last, Date.parse(at)));
        announced.delete(subjectDigest);
      }
      if (type === 'repository.frozen') freezes.set(refs['repository'] ?? '', place);
      if (type === 'ledger.contradicted') freezes.set('', place);
      if (type === 'delivery.announced') {
        const said = Math.max(Date.parse(at), lastApproval.get(subjectDigest) ?? 0);
        const known = announced.get(subjectDigest) ?? [];
        const one = { target: refs['target'] ?? '', at: new Date(said), place };
        announced.set(subjectDigest, [...known, one]);
      }
    },
    stopped({ targets }) {
      for (const [digest, known] of announced) {
        announced.set(
          digest,
          known.filter(({ target }) => targets.length > 0 && !targets.includes(target)),
        );
      }
    },
  };
}
