/** A target may ask that somebody starts each delivery: approvals permit it, and a person says when. */
import { decidingRolesOf } from '@airlock/common/policy/needed-rules';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { openThroughout } from '@airlock/common/policy/target-windows-state';
import type { AskedStart, StartEnd } from './asked-starts.ts';
import type { Person } from './roster.ts';

/** A start that was given and holds no more: it is given again, and nothing begins by itself. */
export type LapsedStart = {
  /** Name of who gave it. */
  readonly person: string;
  readonly at: Date;
  readonly by: StartEnd | 'window';
};

export type ManualStart = {
  /** Roster id of who started it; null while it waits for that. */
  readonly startedBy: string | null;
  /** Names of those who may. */
  readonly may: readonly string[];
  /** The last that was given, where none holds; null where none was. */
  readonly lapsed: LapsedStart | null;
};

/** Starting takes the role of any rule: it adds nothing to what approvals permit, also by an author. */
export const mayStart = (person: Person, policy: TargetPolicy): boolean =>
  decidingRolesOf(policy).some((role) => person.roles.includes(role));

/**
 * A start is of one document and of the hour in which it was given: another document is started anew, and so is one that was
 * stopped since, or whose windows closed, or of which an approval was taken back.
 */
export function manualStart(given: {
  readonly policy: TargetPolicy;
  readonly roster: Roster;
  readonly promotionDigest: string;
  /** Of this document, by the ledger. */
  readonly asked: readonly AskedStart[];
  /** By rows, which know of a withdrawal before the ledger does. */
  readonly approvals: readonly {
    readonly promotionDigest: string;
    readonly withdrawn: { readonly at: Date } | null;
  }[];
  /** Null where windows do not count: they are overridden, or the delivery has begun. */
  readonly windows: TargetPolicy['windows'] | null;
  readonly now: Date;
}): ManualStart {
  const { policy, roster, promotionDigest, asked, approvals, windows, now } = given;
  const people = roster.people.filter((person) => mayStart(person, policy));
  const withdrawals = approvals.flatMap((approval) =>
    approval.promotionDigest === promotionDigest && approval.withdrawn !== null
      ? [approval.withdrawn.at.getTime()]
      : [],
  );
  const endOf = ({ at, endedBy }: AskedStart): LapsedStart['by'] | null => {
    if (endedBy !== null) return endedBy;
    if (withdrawals.some((withdrawal) => withdrawal >= at.getTime())) return 'withdrawal';
    return windows == null || openThroughout(windows, at, now) ? null : 'window';
  };
  const starts = asked.flatMap((start) => {
    const person = people.find(({ id }) => id === start.person);
    return person === undefined ? [] : [{ person, at: start.at, by: endOf(start) }];
  });
  const act = starts.find(({ by }) => by === null);
  const last = starts.at(-1);
  return {
    startedBy: act?.person.id ?? null,
    may: people.map(({ name }) => name),
    lapsed:
      act === undefined && last !== undefined && last.by !== null
        ? { person: last.person.name, at: last.at, by: last.by }
        : null,
  };
}
