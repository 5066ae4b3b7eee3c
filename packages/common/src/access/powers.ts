/** Who may do what about one target, and through which login: read from the signed files, for people and for reviews. */
import { liftQuorum, stopRoles } from '../approval/lift.ts';
import { decidingRolesOf, rejectingRolesOf } from '../policy/needed-rules.ts';
import type { Role } from '../policy/target-approvals.ts';
import { canApprove, groupInWords, waysOf, type AccessFiles } from './coalition.ts';

export type PowerId =
  | 'request'
  | 'approve'
  | 'reject'
  | 'withdraw'
  | 'stop'
  | 'start-again'
  | 'return'
  | 'break-glass'
  | 'override'
  | 'change-rules';

export type Holder = {
  readonly id: string;
  readonly name: string;
  /** By what they are known when they use it. */
  readonly login: string;
};

export type Power = {
  readonly id: PowerId;
  readonly what: string;
  /** How many of them it takes together. */
  readonly need: number;
  /** None: nobody can. */
  readonly holders: readonly Holder[];
  /** What else has to be so. */
  readonly condition: string | null;
};

/** @param now keys count whose window has it. */
export function powersOf(files: AccessFiles, now: Date): readonly Power[] {
  const { policy, roster, trust, administrators } = files;
  const { rules, exclude } = policy.approvals;
  const never = `not on a release of which they are one of: ${exclude.join(', ')}`;
  const withRole = (roles: readonly Role[]) =>
    roster.people.filter((person) => person.roles.some((role) => roles.includes(role)));
  const deciders = withRole(decidingRolesOf(policy));
  const signedIn = ({
    id,
    name,
    nameId,
  }: {
    id: string;
    name: string;
    nameId: string;
  }): Holder => ({
    ...{ id, name },
    login: `single sign-on as ${nameId}`,
  });
  const withKey = (person: (typeof deciders)[number]): Holder => ({
    ...signedIn(person),
    login: `single sign-on as ${person.nameId}, and ${keysInWords(person.passkeys)}`,
  });
  const asking = [...trust.signers.values()].filter(
    ({ roles, notBefore, notAfter, revokedAt }) =>
      roles.includes('promotion') && notBefore <= now && now <= notAfter && revokedAt === null,
  );
  return [
    {
      ...{ id: 'request', what: 'ask for a release', need: 1 },
      holders: asking.map(({ keyid, adminDomain }) => ({
        ...{ id: keyid, name: `non-prod, administered by ${adminDomain ?? 'nobody named'}` },
        login: `signing key ${keyid}`,
      })),
      condition: 'whoever non-prod lets ask; the gate believes its signature and nothing more',
    },
    ...rules.map(({ role, count, when }): Power => ({
      ...{ id: 'approve', what: `approve as ${role.replaceAll('-', ' ')}`, need: count },
      holders: withRole([role]).filter(canApprove).map(withKey),
      condition: when === undefined ? never : `asked when ${when}; ${never}`,
    })),
    {
      ...{ id: 'reject', what: 'reject a release', need: 1 },
      ...{ holders: withRole(rejectingRolesOf(policy)).map(signedIn) },
      condition: 'while it waits',
    },
    {
      ...{ id: 'withdraw', what: 'take back an approval', need: 1 },
      ...{ holders: deciders.filter(canApprove).map(signedIn) },
      condition: 'each their own, until the delivery begins',
    },
    {
      ...{ id: 'stop', what: 'stop deliveries', need: 1 },
      ...{ holders: withRole(stopRoles).map(signedIn), condition: null },
    },
    {
      ...{ id: 'start-again', what: 'lift a stop', need: liftQuorum },
      ...{ holders: withRole(stopRoles).filter(canApprove).map(withKey), condition: null },
    },
    {
      ...{ id: 'return', what: 'approve a return to an earlier release' },
      need: returnSeats(policy).need,
      holders: withRole(returnSeats(policy).roles).filter(canApprove).map(withKey),
      condition: `a release that was live there before, asked for by somebody else${policy.rollback?.auto === 'onVerifyFailed' ? '; where verification fails the gate goes back by itself' : ''}`,
    },
    ...breakGlassPowers(policy, (role) => withRole([role]).filter(canApprove).map(withKey)),
    ...overridePowers(policy, (role) => withRole([role]).filter(canApprove).map(withKey)),
    {
      ...{ id: 'change-rules', what: 'change these rules', need: administrators.threshold },
      holders: administrators.keys.map(({ keyid, name, adminDomain }) => ({
        ...{ id: keyid, name: `${name} of ${adminDomain}` },
        login: `configuration key ${keyid}`,
      })),
      condition: `of ${administrators.domains} administrative ${administrators.domains === 1 ? 'domain' : 'domains'} or more; they also accept a rewritten main`,
    },
  ];
}

/** Where no rule for returns is written, the others hold. */
function returnSeats({ approvals, rollback }: AccessFiles['policy']): {
  readonly need: number;
  readonly roles: readonly Role[];
} {
  const seats = rollback?.approvals === undefined ? approvals.rules : [rollback.approvals];
  return {
    need: seats.reduce((sum, { count }) => sum + count, 0),
    roles: seats.map(({ role }) => role),
  };
}

function breakGlassPowers(
  { breakGlass }: AccessFiles['policy'],
  holdersOf: (role: Role) => readonly Holder[],
): Power[] {
  const what = 'deliver without these approvals';
  if (breakGlass === undefined) {
    const condition = 'no rule of this target opens one';
    return [{ id: 'break-glass', what, need: 1, holders: [], condition }];
  }
  const { approvals, review } = breakGlass;
  return approvals.map(({ role, count }) => ({
    ...{ id: 'break-glass', what: `${what}, as ${role.replaceAll('-', ' ')}`, need: count },
    holders: holdersOf(role),
    condition: `also outside the windows; ${review.count} others look at it within ${review.within / 60} min, or the target is frozen`,
  }));
}

function overridePowers(
  { windows }: AccessFiles['policy'],
  holdersOf: (role: Role) => readonly Holder[],
): Power[] {
  const override = windows?.override;
  if (override === undefined) return [];
  return [
    {
      ...{ id: 'override', what: 'deliver outside the windows', need: override.count },
      holders: holdersOf(override.role),
      condition: `beside the approvals of the rules, by others; two who took no part look at it within ${override.review / 60} min, or the target is frozen`,
    },
  ];
}

function keysInWords(passkeys: readonly string[] | undefined): string {
  if (passkeys === undefined) return 'any key enrolled in the ledger';
  return passkeys.length === 1
    ? 'the one key that the roster lists'
    : `one of ${passkeys.length} keys that the roster lists`;
}

/** What a change of the signed files gives and takes, in sentences; none where it changes nobody's power. */
export function powerChanges(
  before: AccessFiles,
  after: AccessFiles,
  now: Date,
): readonly string[] {
  const { target } = after.policy;
  const [was, is] = [powersOf(before, now), powersOf(after, now)];
  const labels = [...new Set([...was, ...is].map(({ what }) => what))];
  const holders = (powers: readonly Power[], what: string): Map<string, string> =>
    new Map(
      powers
        .filter((power) => power.what === what)
        .flatMap((power) => power.holders.map(({ id, name }) => [id, name] as const)),
    );
  const need = (powers: readonly Power[], what: string): number =>
    powers.filter((power) => power.what === what).reduce((sum, power) => sum + power.need, 0);
  const changes = labels.flatMap((what) => {
    const [old, now_] = [holders(was, what), holders(is, what)];
    const gained = [...now_].filter(([id]) => !old.has(id)).map(([, name]) => name);
    const lost = [...old].filter(([id]) => !now_.has(id)).map(([, name]) => name);
    const [had, has] = [need(was, what), need(is, what)];
    return [
      ...(gained.length === 0 ? [] : [`${target}: ${gained.join(', ')} may now ${what}`]),
      ...(lost.length === 0 ? [] : [`${target}: ${lost.join(', ')} may no longer ${what}`]),
      ...(had === has ? [] : [`${target}: to ${what} it takes ${has} instead of ${had}`]),
    ];
  });
  return [...changes, ...newlyEnough(before, after, now)];
}

/** Groups that are enough after the change and were not before, where they are smaller than any before or one person. */
function newlyEnough(before: AccessFiles, after: AccessFiles, now: Date): string[] {
  const earlier = new Map(waysOf(before, now).map((way) => [way.id, way]));
  return waysOf(after, now).flatMap(({ id, what, groups, smallest }) => {
    const least = earlier.get(id)?.smallest ?? Number.POSITIVE_INFINITY;
    if (smallest === null || smallest >= least) return [];
    const [first] = groups;
    const who = first === undefined ? '' : groupInWords(first);
    return [
      `${after.policy.target}: after this change ${who}${smallest === 1 ? ' alone' : ''} could ${what}`,
    ];
  });
}
