/** Whether a configuration can do what it says: what parses may still be a rule that nobody can meet. */
import { explainSeats } from '@airlock/common/approval/match-rules';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { horizonDays, windowState } from '@airlock/common/policy/target-windows-state';
import type { PinnedSigner, SignerRole, TrustStore } from '@airlock/common/trust/signer';
import { unlistedDeciders } from '@airlock/process/configuration-directory';
import type { InspectedConfiguration } from '@airlock/process/configuration-faults';
import { waiverFindings } from './check-waivers.ts';
import { sayOf, type Finding, type Say } from './findings.ts';

/** Keys that end within this time are told, because a rotation needs people. */
const soonMs = 14 * 86_400_000;

/**
 * What each file says that it should not, and what all of them together cannot do; of a file with faults of its own, those
 * alone.
 *
 * @param options.demo people who decide may be without `passkeys`.
 */
export function checkConfiguration(
  inspected: InspectedConfiguration,
  options: { readonly now: Date; readonly demo: boolean },
): Finding[] {
  const { now } = options;
  const { faults, roster, trust, targets, placeOf } = inspected;
  const of = (file: string): Say => sayOf(file, placeOf);
  const people = roster?.roster.people ?? null;
  const own = faults.map(({ file, line, column, path, message }): Finding => ({
    ...{ kind: 'fault', file, line, column, path, message },
  }));
  return [
    ...own,
    ...(targets.size === 0 && own.length === 0
      ? [of('targets').note([], 'no target file; nothing can be delivered')]
      : []),
    ...(roster === null ? [] : unlistedFindings({ targets, roster }, of('roster.yaml'), options)),
    ...[...targets.values()].flatMap(({ policy }) => {
      const say = of(`targets/${policy.target}.yaml`);
      return [
        ...(people === null
          ? []
          : [
              ...approverFindings(people, askedBy(policy), say),
              ...quorumFindings(people, policy.approvals, ['approvals'], say),
              ...shadowFindings(people, policy, say),
              ...waiverFindings(people, policy, say),
              ...teamFindings(people, policy, say),
            ]),
        ...windowFindings(policy, now, say),
        ...(trust === null ? [] : signerFindings(trust, policy, now, say)),
      ];
    }),
    ...[...(trust?.signers.values() ?? [])].flatMap((signer, index) => {
      const left = signer.notAfter.getTime() - now.getTime();
      if (!counts(signer, now) || left > soonMs) return [];
      const what = `key ${signer.keyid} ends ${signer.notAfter.toISOString()}; airlock signer rotate it`;
      return [of('trust.json').note(['signers', index], what)];
    }),
  ];
}

type People = Roster['people'];

function unlistedFindings(
  files: Parameters<typeof unlistedDeciders>[0],
  { fault, note }: Say,
  { demo }: { readonly demo: boolean },
): Finding[] {
  const { people } = files.roster.roster;
  return unlistedDeciders(files).map((id) => {
    const path = ['people', people.findIndex((person) => person.id === id)];
    const text = `${id} approves, lifts stops or looks at deliveries by break-glass, and has no passkeys key; list the enrolments that count (the page /me shows each as a line to paste), or passkeys: []`;
    return demo ? note(path, `${text} (the demo goes on without)`) : fault(path, text);
  });
}

type AskedRule = NeededRule & { readonly at: readonly PropertyKey[] };

const rulesAt = ({ rules }: TargetPolicy['approvals'], where: readonly string[]): AskedRule[] =>
  rules.map(({ role, count }, index) => ({ role, count, at: [...where, 'rules', index] }));

/** For a delivery and for a return that a person asks for. */
function askedBy({ approvals, rollback }: TargetPolicy): AskedRule[] {
  const returning = rollback?.approvals;
  return [
    ...rulesAt(approvals, ['approvals']),
    ...(returning === undefined ? [] : [{ ...returning, at: ['rollback', 'approvals'] }]),
  ];
}

function approverFindings(
  roster: People,
  asked: readonly AskedRule[],
  { fault, note }: Say,
): Finding[] {
  return asked.flatMap(({ role, count, at }) => {
    const people = roster.filter(({ roles }) => roles.includes(role));
    const ready = people.filter(({ passkeys }) => passkeys === undefined || passkeys.length > 0);
    const names = people.map(({ id }) => id).join(', ') || 'nobody';
    if (people.length < count) {
      return [
        fault(
          at,
          `${count} of role ${role} must approve, and roster.yaml has ${names}; give the role to more people, or ask for fewer`,
        ),
      ];
    }
    const findings: Finding[] = [];
    if (ready.length < count) {
      const without = people.filter((person) => !ready.includes(person)).map(({ id }) => id);
      findings.push(
        note(
          at,
          `${count} of role ${role} must approve, and no passkey counts yet for ${without.join(', ')}`,
        ),
      );
    }
    if (people.length === count) {
      findings.push(
        note(at, `all of ${names} must approve; a release that one of them wrote never passes`),
      );
    }
    return findings;
  });
}

/** Rules on trial hold nobody up, so that what they could never let through is for somebody to think about. */
function shadowFindings(people: People, { shadow }: TargetPolicy, { note }: Say): Finding[] {
  if (shadow === undefined) return [];
  const say = { fault: note, note };
  const where = ['shadow', 'approvals'];
  return [
    ...approverFindings(people, rulesAt(shadow.approvals, where), say),
    ...quorumFindings(people, shadow.approvals, where, say),
  ];
}

/** Roles that a file names beside its rules and that nobody has: whoever should hear or act is nobody. */
function teamFindings(people: People, { notify }: TargetPolicy, { fault }: Say): Finding[] {
  const role = notify?.escalate?.role;
  if (role === undefined || people.some(({ roles }) => roles.includes(role))) return [];
  const path = ['notify', 'escalate', 'role'];
  return [fault(path, `nobody in roster.yaml has the role ${role}; name one that somebody has`)];
}

/** Whether all rules at once can be met by different people, and whose release then never passes. */
function quorumFindings(
  people: People,
  { rules }: TargetPolicy['approvals'],
  where: readonly string[],
  { fault, note }: Say,
): Finding[] {
  // What one rule alone asks for is told of that rule.
  if (rules.length === 1) return [];
  const at = [...where, 'rules'];
  const lacking = (left: typeof people): number => {
    const { have, need } = explainSeats(rules, { present: left, possible: [] });
    return need - have;
  };
  const missing = lacking(people);
  if (missing > 0) {
    return [
      fault(
        at,
        `an approval fills one seat of one rule; where all rules apply, ${missing} more people are needed than roster.yaml has; give the roles to more people`,
      ),
    ];
  }
  const needed = people.filter(({ id }) => lacking(people.filter((one) => one.id !== id)) > 0);
  if (needed.length === 0) return [];
  const names = needed.map(({ id }) => id).join(', ');
  return [note(at, `where all rules apply, a release that one of ${names} wrote never passes`)];
}

function windowFindings({ windows }: TargetPolicy, now: Date, { fault }: Say): Finding[] {
  if (windows === undefined) return [];
  const state = windowState(windows, now);
  if (state.open || state.opensAt !== null) return [];
  return [fault(['windows'], `never open within ${horizonDays} days; correct them`)];
}

const counts = (signer: PinnedSigner, now: Date): boolean =>
  signer.notBefore <= now && now <= signer.notAfter && signer.revokedAt === null;

/** Which signature that the target asks for no key in the trust store could give now. */
function signerFindings(
  trust: TrustStore,
  { admits }: TargetPolicy,
  now: Date,
  { fault }: Say,
): Finding[] {
  const good = [...trust.signers.values()].filter((signer) => counts(signer, now));
  const have = (role: SignerRole): boolean => good.some(({ roles }) => roles.includes(role));
  const domainsOf = (builders: readonly string[]): number =>
    new Set(
      good
        .filter(
          ({ roles, builderIds }) =>
            roles.includes('provenance') && builderIds.some((id) => builders.includes(id)),
        )
        .map(({ adminDomain }) => adminDomain),
    ).size;
  const pin = 'pin one with airlock signer pin';
  return admits.flatMap(({ builders, tests }, index) => {
    const at = ['admits', index];
    const ids = [builders.id, ...builders.of];
    const domains = domainsOf(ids);
    return [
      ...ids.flatMap((id, nth) => {
        if (domainsOf([id]) > 0) return [];
        const path = [...at, 'builders', ...(nth === 0 ? ['id'] : ['of', nth - 1])];
        return [fault(path, `no key in trust.json counts now for ${id}; ${pin}`)];
      }),
      ...(domains < builders.threshold
        ? [
            fault(
              [...at, 'builders', 'threshold'],
              `${builders.threshold} asks for as many administrative domains, and the keys that count now are of ${domains}; ${pin}, or ask for fewer`,
            ),
          ]
        : []),
      ...(tests === 'required' && !have('test')
        ? [fault([...at, 'tests'], `required, and no key of role test counts now; ${pin}`)]
        : []),
      ...(have('promotion')
        ? []
        : [
            fault(
              at,
              `no key of role promotion counts now, so that nothing can be asked for; ${pin}`,
            ),
          ]),
    ];
  });
}
