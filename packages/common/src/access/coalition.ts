/**
 * Who would have to act together to change production, as the signed configuration has it: a pure function of target file,
 * roster, trust store and root of trust. What no signed file says is no part of it and stands in `assumptions`.
 */
import { fillSeats, seatCount } from '../approval/fill-seats.ts';
import type { ApprovalRule } from '../policy/target-approvals.ts';
import type { Roster, TargetPolicy } from '../policy/target-policy.ts';
import type { AdministratorKey, Administrators } from '../trust/administrators.ts';
import type { PinnedSigner } from '../trust/signer.ts';
import { minimalGroups, type Group } from './minimal-groups.ts';

/** The signed files, as far as they say who may what on one target. */
export type AccessFiles = {
  readonly policy: Pick<
    TargetPolicy,
    'target' | 'admits' | 'approvals' | 'breakGlass' | 'rollback' | 'windows'
  >;
  readonly roster: Pick<Roster, 'people'>;
  readonly trust: { readonly signers: ReadonlyMap<string, SignerRow> };
  readonly administrators: Pick<Administrators, 'threshold' | 'domains'> & {
    readonly keys: readonly Pick<AdministratorKey, 'keyid' | 'name' | 'adminDomain'>[];
  };
};

type SignerRow = Omit<PinnedSigner, 'key' | 'alg'>;

/** Somebody who acts: a person, or whoever administers the machines that hold signing keys. */
export type Party = {
  readonly kind: 'person' | 'machines';
  /** Roster id, name of an administrator whom the roster does not name, or administrative domain. */
  readonly id: string;
  readonly name: string;
};

export type WayId = 'within-rules' | 'break-glass' | 'foreign-bytes' | 'configuration';

/** One way to change production, and the smallest groups to whom it is open. */
export type Way = {
  readonly id: WayId;
  readonly what: string;
  /** None where nobody can. */
  readonly groups: readonly Group<Party>[];
  readonly isComplete: boolean;
  /** Parties of a smallest group; null where nobody can. */
  readonly smallest: number | null;
};

const words: Readonly<Record<WayId, string>> = {
  'within-rules': 'deliver a release of main that somebody else wrote, within the rules',
  'break-glass': 'deliver a release of main without its approvals, by break-glass',
  'foreign-bytes': 'deliver bytes that main did not build',
  configuration: 'change the rules, and then deliver anything',
};

export const assumptions: readonly string[] = [
  'Rules with a condition are taken not to apply: the fewest approvals that a release can need.',
  'Who wrote or asked for a release does not count on it and is not counted here.',
  'Each person alone holds their keys, and each administrative domain is one party, whoever its people are.',
  'A builder that is asked to build again and is in no group is taken to be silent; if it answers, its other bytes hold the promotion.',
  'Approvers of bytes that main did not build need not know it: nobody sees into an archive.',
  'Not counted, because no signed file holds them back: root on the deliverer’s host, and the administrators of Vault. Each can do it alone.',
];

/** @param now keys count whose window has it. */
export function waysOf(files: AccessFiles, now: Date): readonly Way[] {
  const { approvals, breakGlass } = files.policy;
  const seats = seatWay(files, approvals.rules);
  const broken = breakGlass === undefined ? null : seatWay(files, breakGlass.approvals);
  // Whoever brings foreign bytes takes the way that needs fewer people.
  const people = broken !== null && smallest(broken) < smallest(seats) ? broken : seats;
  const machines = machineGroups(files, now);
  const bytes = people.groups.flatMap((group) =>
    machines.groups.map((some) => [...group, ...some]),
  );
  const quorum = quorumGroups(files);
  return [
    way('within-rules', seats),
    ...(broken === null ? [] : [way('break-glass', broken)]),
    way('foreign-bytes', {
      groups: bytes.toSorted((a, b) => sizeOf(a) - sizeOf(b)),
      isComplete: people.isComplete && machines.isComplete,
    }),
    way('configuration', quorum),
  ];
}

const sizeOf = (group: Group<Party>): number => group.reduce((sum, { count }) => sum + count, 0);

const smallest = ({ groups }: Pick<Way, 'groups'>): number => Math.min(...groups.map(sizeOf));

function way(id: WayId, { groups, isComplete }: Pick<Way, 'groups' | 'isComplete'>): Way {
  const [first] = groups;
  return {
    ...{ id, what: words[id], groups, isComplete },
    smallest: first === undefined ? null : sizeOf(first),
  };
}

/** People who could approve: the roster does not say that no key of theirs counts. */
export const canApprove = ({ passkeys }: Roster['people'][number]): boolean =>
  passkeys === undefined || passkeys.length > 0;

const named = ({ id, name }: { id: string; name: string }): Party => ({ kind: 'person', id, name });

const asParties = <T>(
  { groups, isComplete }: { groups: readonly Group<T>[]; isComplete: boolean },
  party: (of: T) => Party,
) => ({
  groups: groups.map((group) => group.map(({ count, of }) => ({ count, of: of.map(party) }))),
  isComplete,
});

function seatWay({ roster }: AccessFiles, of: readonly ApprovalRule[]) {
  const rules = of.filter(({ when }) => when === undefined);
  const need = seatCount(rules);
  const asked = (roles: readonly string[]) =>
    roles.filter((role) => rules.some((rule) => rule.role === role)).sort();
  const found = minimalGroups({
    parties: roster.people.filter((person) => canApprove(person) && asked(person.roles).length > 0),
    kindOf: ({ roles }) => asked(roles).join(' '),
    isEnough: (people) => need > 0 && fillSeats(rules, people).size === need,
    ...{ atLeast: need, atMost: need },
  });
  return asParties(found, named);
}

type Machines = { readonly domain: string; readonly keys: readonly SignerRow[] };

function machineGroups({ policy, trust }: AccessFiles, now: Date) {
  const counting = [...trust.signers.values()].filter(
    ({ notBefore, notAfter, revokedAt }) =>
      notBefore <= now && now <= notAfter && revokedAt === null,
  );
  // A row without a domain is a domain of its own.
  const domains = Map.groupBy(counting, ({ keyid, adminDomain }) => adminDomain ?? `key ${keyid}`);
  const found = minimalGroups({
    parties: [...domains].map(([domain, keys]): Machines => ({ domain, keys })),
    kindOf: ({ domain }) => domain,
    isEnough: (machines) => canSignBytes(policy, machines),
    // Those who ask, those who test, and the builders.
    atMost: 2 + (policy.admits[0]?.builders.threshold ?? 0),
  });
  return asParties(found, ({ domain }) => ({
    ...{ kind: 'machines', id: domain },
    name: `machines of ${domain}`,
  }));
}

/** Whether these machines hold every key whose signature the target asks for: asking, provenance, tests, and builders. */
function canSignBytes(
  { admits: [admits] }: AccessFiles['policy'],
  machines: readonly Machines[],
): boolean {
  if (admits === undefined) return false;
  const { builders, tests } = admits;
  const has = (role: SignerRow['roles'][number]): boolean =>
    machines.some(({ keys }) => keys.some(({ roles }) => roles.includes(role)));
  if (!has('promotion') || (tests === 'required' && !has('test'))) return false;
  const builds = ({ keys }: Machines, builderId: string): boolean =>
    keys.some(
      ({ roles, builderIds }) => roles.includes('provenance') && builderIds.includes(builderId),
    );
  const mains = machines.filter((one) => builds(one, builders.id));
  if (builders.of.length === 0) return mains.length >= builders.threshold;
  const again = builders.of.map((role) => ({ role, count: 1 }));
  return mains.some((main) => {
    const others = machines
      .filter((one) => one !== main)
      .map((one) => ({
        id: one.domain,
        roles: builders.of.filter((builderId) => builds(one, builderId)),
      }));
    return fillSeats(again, others).size >= builders.threshold - 1;
  });
}

type Signer = { readonly party: Party; readonly domains: readonly string[] };

/** Who holds several keys of administrators is one person all the same. */
function quorumGroups({ administrators, roster }: AccessFiles) {
  const { threshold, domains, keys } = administrators;
  const holderOf = (key: (typeof keys)[number]): Party => {
    const owner = roster.people.find(
      ({ configurationKeys }) => configurationKeys?.includes(key.keyid) === true,
    );
    return named(owner ?? { id: key.name, name: key.name });
  };
  const held = Map.groupBy(
    keys.map((key) => ({ party: holderOf(key), domain: key.adminDomain })),
    ({ party }) => party.id,
  );
  const signers = [...held.values()].flatMap((of): Signer[] => {
    const [first] = of;
    return first === undefined
      ? []
      : [{ party: first.party, domains: of.map(({ domain }) => domain).sort() }];
  });
  const found = minimalGroups({
    parties: signers,
    kindOf: (signer) => signer.domains.join(' '),
    isEnough: (some) => {
      const all = some.flatMap((signer) => signer.domains);
      return all.length >= threshold && new Set(all).size >= domains;
    },
    // As many for the keys, and as many for the domains.
    atMost: threshold + domains,
  });
  return asParties(found, ({ party }) => party);
}

/** `any 2 of Leo, Mira; with machines of nonprod` */
export function groupInWords(group: Group<Party>): string {
  return group
    .map(({ count, of }) => {
      const names = of.map(({ name }) => name);
      return count === of.length ? names.join(' and ') : `any ${count} of ${names.join(', ')}`;
    })
    .join('; with ');
}

/** What a reader must not overlook; none where every way takes two people or more. */
export function warningsOf(ways: readonly Way[]): readonly string[] {
  return ways.flatMap(({ what, groups }) =>
    groups
      .filter((group) => people(group) === 1)
      .map((group) => {
        const machines = sizeOf(group) > 1;
        return `One person is enough to ${what}: ${groupInWords(group)}${machines ? '' : ', alone'}.`;
      }),
  );
}

const people = (group: Group<Party>): number =>
  sizeOf(group.filter(({ of }) => of.some(({ kind }) => kind === 'person')));
