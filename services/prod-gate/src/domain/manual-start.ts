/** A target may ask that somebody starts each delivery: approvals permit it, and a person says when. */
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { mayReject } from './access.ts';
import type { Person } from './roster.ts';

/** That somebody started the delivery of one document. */
export type StartAct = {
  readonly promotionDigest: string;
  readonly person: string;
  readonly at: Date;
};

export type ManualStart = {
  /** Roster id of who started it; null while it waits for that. */
  readonly startedBy: string | null;
  /** Names of those who may. */
  readonly may: readonly string[];
};

/** Starting takes the role of any rule, as rejecting does: it adds nothing to what approvals permit, also by an author. */
export const mayStart: (person: Person, policy: TargetPolicy) => boolean = mayReject;

/**
 * A start is of one document: another one is started anew, and so is one of which an approval was taken back since.
 */
export function manualStart(given: {
  readonly policy: TargetPolicy;
  readonly roster: Roster;
  readonly promotionDigest: string;
  readonly acts: readonly StartAct[];
  readonly approvals: readonly {
    readonly promotionDigest: string;
    readonly withdrawn: { readonly at: Date } | null;
  }[];
}): ManualStart {
  const { policy, roster, promotionDigest, acts, approvals } = given;
  const people = roster.people.filter((person) => mayStart(person, policy));
  const lastWithdrawal = Math.max(
    ...approvals
      .filter((approval) => approval.promotionDigest === promotionDigest)
      .map(({ withdrawn }) => withdrawn?.at.getTime() ?? -Infinity),
  );
  const act = acts.find(
    ({ person, at, ...of }) =>
      of.promotionDigest === promotionDigest &&
      at.getTime() > lastWithdrawal &&
      people.some(({ id }) => id === person),
  );
  return { startedBy: act?.person ?? null, may: people.map(({ name }) => name) };
}
