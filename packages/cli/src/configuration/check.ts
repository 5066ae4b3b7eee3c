/** Whether a configuration can do what it says: what parses may still be a rule that nobody can meet. */
import { explainSeats } from '@airlock/common/approval/match-rules';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { horizonDays, windowState } from '@airlock/common/policy/target-windows-state';
import type { PinnedSigner, SignerRole, TrustStore } from '@airlock/common/trust/signer';
import {
  unlistedDeciders,
  type ConfigurationFiles,
} from '@airlock/process/configuration-directory';

/** A fault stops deliveries or lets too much through; a note is for somebody to think about. */
export type Finding = { readonly kind: 'fault' | 'note'; readonly text: string };

/** Keys that end within this time are told, because a rotation needs people. */
const soonMs = 14 * 86_400_000;

/** @param options.demo people who decide may be without `passkeys`. */
export function checkConfiguration(
  files: ConfigurationFiles,
  options: { readonly now: Date; readonly demo: boolean },
): Finding[] {
  const { now } = options;
  const fault = (text: string): Finding => ({ kind: 'fault', text });
  const note = (text: string): Finding => ({ kind: 'note', text });
  const policies = [...files.targets.values()].map(({ policy }) => policy);
  const unlisted = unlistedDeciders(files).map((id) => {
    const text = `roster.yaml: ${id} may approve and has no passkeys key; list the enrolments that count (the page /me shows each as a line to paste), or passkeys: []`;
    return options.demo ? note(`${text} (the demo goes on without)`) : fault(text);
  });
  return [
    ...(policies.length === 0 ? [note('targets/: no target file; nothing can be delivered')] : []),
    ...unlisted,
    ...policies.flatMap((policy) => [
      ...approverFindings(files, policy, { fault, note }),
      ...quorumFindings(files, policy, { fault, note }),
      ...windowFindings(policy, now, fault),
      ...signerFindings(files.trust, policy, now).map((text) =>
        fault(`targets/${policy.target}.yaml: ${text}`),
      ),
    ]),
    ...[...files.trust.signers.values()].flatMap((signer) => {
      const left = signer.notAfter.getTime() - now.getTime();
      if (!counts(signer, now) || left > soonMs) return [];
      const when = signer.notAfter.toISOString();
      return [note(`trust.json: key ${signer.keyid} ends ${when}; airlock signer rotate it`)];
    }),
  ];
}

type Say = Readonly<Record<'fault' | 'note', (text: string) => Finding>>;

function approverFindings(
  { roster }: ConfigurationFiles,
  { target, approvals }: TargetPolicy,
  { fault, note }: Say,
): Finding[] {
  return approvals.rules.flatMap(({ role, count }) => {
    const people = roster.roster.people.filter(({ roles }) => roles.includes(role));
    const ready = people.filter(({ passkeys }) => passkeys === undefined || passkeys.length > 0);
    const where = `targets/${target}.yaml: approvals:`;
    const names = people.map(({ id }) => id).join(', ') || 'nobody';
    if (people.length < count) {
      return [
        fault(`${where} ${count} of role ${role} must approve, and roster.yaml has ${names}`),
      ];
    }
    const findings: Finding[] = [];
    if (ready.length < count) {
      const without = people.filter((person) => !ready.includes(person)).map(({ id }) => id);
      findings.push(
        note(
          `${where} ${count} of role ${role} must approve, and no passkey counts yet for ${without.join(', ')}`,
        ),
      );
    }
    if (people.length === count) {
      findings.push(
        note(
          `${where} all of ${names} must approve; a release that one of them wrote never passes`,
        ),
      );
    }
    return findings;
  });
}

/** Whether all rules at once can be met by different people, and whose release then never passes. */
function quorumFindings(
  { roster }: ConfigurationFiles,
  { target, approvals: { rules } }: TargetPolicy,
  { fault, note }: Say,
): Finding[] {
  // What one rule alone asks for is told of that rule.
  if (rules.length === 1) return [];
  const where = `targets/${target}.yaml: approvals.rules:`;
  const { people } = roster.roster;
  const lacking = (left: typeof people): number => {
    const { have, need } = explainSeats(rules, { present: left, possible: [] });
    return need - have;
  };
  const missing = lacking(people);
  if (missing > 0) {
    return [
      fault(
        `${where} an approval fills one seat of one rule; where all rules apply, ${missing} more people are needed than roster.yaml has`,
      ),
    ];
  }
  const needed = people.filter(({ id }) => lacking(people.filter((one) => one.id !== id)) > 0);
  if (needed.length === 0) return [];
  const names = needed.map(({ id }) => id).join(', ');
  return [
    note(`${where} where all rules apply, a release that one of ${names} wrote never passes`),
  ];
}

function windowFindings(
  { target, windows }: TargetPolicy,
  now: Date,
  fault: Say['fault'],
): Finding[] {
  if (windows === undefined) return [];
  const state = windowState(windows, now);
  if (state.open || state.opensAt !== null) return [];
  return [
    fault(`targets/${target}.yaml: windows: never open within ${horizonDays} days; correct them`),
  ];
}

const counts = (signer: PinnedSigner, now: Date): boolean =>
  signer.notBefore <= now && now <= signer.notAfter && signer.revokedAt === null;

/** Which signature that the target asks for no key in the trust store could give now. */
function signerFindings(trust: TrustStore, { admits }: TargetPolicy, now: Date): string[] {
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
  return admits.flatMap(({ builders, tests }) => {
    const ids = [builders.id, ...builders.of];
    const domains = domainsOf(ids);
    return [
      ...ids
        .filter((id) => domainsOf([id]) === 0)
        .map((id) => `builders: no key in trust.json counts now for ${id}`),
      ...(domains < builders.threshold
        ? [
            `builders: threshold ${builders.threshold} asks for as many administrative domains, and the keys that count now are of ${domains}`,
          ]
        : []),
      ...(tests === 'required' && !have('test')
        ? ['tests: required, and no key of role test counts now']
        : []),
      ...(have('promotion')
        ? []
        : ['no key of role promotion counts now, so that nothing can be asked for']),
    ];
  });
}
