/**
 * Who may decide on a promotion. The same answer is shown on the page before the ceremony, given as a refusal after it,
 * and reached by the kernel when the approval is counted.
 */
import { personOfRequester } from '@airlock/common/approval/count-approvals';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { peopleOfEmails, type Person } from './roster.ts';

export type Standing =
  | { readonly may: true }
  | { readonly may: false; readonly why: 'role-missing'; readonly role: string }
  | { readonly may: false; readonly why: 'requester' | 'author' };

/** The part of a promotion that says who stands too near to it to decide. */
export type Nearness = { readonly requester: string; readonly emails: readonly string[] };

/** Rejecting needs the role only: anybody who may decide may stop, also the author. */
export function mayReject(person: Person, policy: TargetPolicy): boolean {
  return policy.approvals.rules.some((rule) => person.roles.includes(rule.role));
}

export function standingOf(
  person: Person,
  given: { policy: TargetPolicy; roster: Roster; promotion: Nearness },
): Standing {
  const rule = approvalRule(given.policy);
  if (!person.roles.includes(rule.role)) {
    return { may: false, why: 'role-missing', role: rule.role };
  }
  if (personOfRequester(given.roster, given.promotion.requester)?.id === person.id) {
    return { may: false, why: 'requester' };
  }
  if (peopleOfEmails(given.roster, given.promotion.emails).people.includes(person.id)) {
    return { may: false, why: 'author' };
  }
  return { may: true };
}

/** Everybody whose approval would count, in the roster's order. */
export function eligibleApprovers(given: {
  policy: TargetPolicy;
  roster: Roster;
  promotion: Nearness;
}): readonly Person[] {
  return given.roster.people.filter((person) => standingOf(person, given).may);
}

/** The one rule that the target file's schema admits. */
export function approvalRule(policy: TargetPolicy): TargetPolicy['approvals']['rules'][number] {
  const [rule] = policy.approvals.rules;
  if (rule === undefined) throw new Error('the schema of target files demands one approval rule');
  return rule;
}
