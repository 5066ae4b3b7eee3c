/**
 * Who may decide on a promotion. The same answer is shown on the page before the ceremony, given as a refusal after it,
 * and reached by the kernel when the approval is counted.
 */
import { personOfRequester } from '@airlock/common/approval/count-approvals';
import { stopRoles } from '@airlock/common/approval/lift';
import {
  decidingRolesOf,
  rejectingRolesOf,
  rulesAsked,
  type ConditionChanges,
} from '@airlock/common/policy/needed-rules';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { WaiverKind } from '@airlock/common/promotion/waiver';
import { peopleOfEmails, type Person } from './roster.ts';

export type Standing =
  | { readonly may: true }
  /** `roles`: one of them is what it takes. */
  | { readonly may: false; readonly why: 'role-missing'; readonly roles: readonly string[] }
  | { readonly may: false; readonly why: 'requester' | 'author' | 'editor' };

/** The part of a promotion that says who stands too near to it to decide. */
export type Nearness = {
  readonly requester: string;
  readonly emails: readonly string[];
  /** Roster ids of those who signed the configuration since the last delivery; none where they are not excluded. */
  readonly editors: readonly string[];
};

type Question = {
  readonly rules: readonly { readonly role: string }[];
  readonly roster: Roster;
  readonly promotion: Nearness;
};

type DecidedTarget = Parameters<typeof decidingRolesOf>[0];

/** What a promotion is, as far as rules ask. */
export type RuleSubject = {
  readonly release: string;
  readonly repository: string;
  readonly subjectName: string;
  readonly requester: string;
  /** Null for a promotion that goes on along main. */
  readonly returns: object | null;
};

/**
 * The rules of the target file that this promotion must meet; none without a file, and none satisfies nobody.
 *
 * @param waiver what its document asks for, which approvers sign.
 */
export function rulesFor(
  policy: Pick<TargetPolicy, 'approvals' | 'rollback' | 'breakGlass' | 'windows'> | null,
  promotion: RuleSubject,
  changes: ConditionChanges,
  waiver: WaiverKind | null,
): NeededRule[] {
  if (policy === null) return [];
  return rulesAsked(policy, changes, {
    isReturn: promotion.returns !== null,
    waiver,
    release: promotion.release,
    repository: promotion.repository,
    subject: promotion.subjectName,
    requester: promotion.requester,
  });
}

/** Rejecting needs no distance: anybody who may decide may say no, also the author, and so may security. */
export const mayReject = (person: Person, policy: DecidedTarget): boolean =>
  rejectingRolesOf(policy).some((role) => person.roles.includes(role));

/** Roles whose people may ask for a return: those who decide about it, and those who stop. Who asks does not count after. */
export const askingRoles = (policy: Pick<TargetPolicy, 'approvals' | 'rollback'>): string[] => [
  ...new Set([...decidingRolesOf(policy), ...stopRoles]),
];

export function standingOf(person: Person, given: Question): Standing {
  const roles = rolesOf(given.rules);
  if (!person.roles.some((role) => roles.includes(role))) {
    return { may: false, why: 'role-missing', roles };
  }
  if (personOfRequester(given.roster, given.promotion.requester)?.id === person.id) {
    return { may: false, why: 'requester' };
  }
  if (peopleOfEmails(given.roster, given.promotion.emails).people.includes(person.id)) {
    return { may: false, why: 'author' };
  }
  return given.promotion.editors.includes(person.id)
    ? { may: false, why: 'editor' }
    : { may: true };
}

/** Everybody whose approval would count, in the roster's order. */
export function eligibleApprovers(given: Question): readonly Person[] {
  return given.roster.people.filter((person) => standingOf(person, given).may);
}

/** The roles that some rule asks for, each once. */
export function rolesOf(rules: readonly { readonly role: string }[]): string[] {
  return [...new Set(rules.map(({ role }) => role))];
}

/** Roles whose people decide something with a passkey: approvals that a target file asks for, or the lift of a stop. */
export function decidingRoles(
  targets: Iterable<{
    readonly policy: Pick<TargetPolicy, 'approvals' | 'rollback' | 'breakGlass' | 'windows'>;
  }>,
): string[] {
  const asked = [...targets].flatMap(({ policy }) => decidingRolesOf(policy));
  return [...new Set([...stopRoles, ...asked])];
}
