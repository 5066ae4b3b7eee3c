/** What a delivery's token and the watchdog's may do at Vault, as JSON policies. */
import {
  hasLease,
  readPathOf,
  type CredentialRead,
} from '@airlock/common/policy/target-credentials';
import { VaultSetupError } from './error.ts';
import { requireName, type VaultTarget } from './targets.ts';

/** Path to capabilities. */
export type Rules = Readonly<Record<string, readonly string[]>>;

const targetPrefix = 'airlock-target-';
export const targetPolicyName = ({ target, policyName = target }: VaultTarget): string =>
  `${targetPrefix}${policyName}`;

/** @throws VaultSetupError `vault-setup-invalid` for a role whose policy would be that of a target. */
export function reaperPolicyName(roleName: string): string {
  requireName(roleName);
  const name = `airlock-${roleName}`;
  if (!name.startsWith(targetPrefix)) return name;
  throw new VaultSetupError(
    'vault-setup-invalid',
    `the watchdog's role cannot be named ${roleName}: ${name} is the policy of a target; name it reaper`,
  );
}

/** Its own credentials and its own end, and nothing else: not even a look at itself. */
export function targetRules({ reads }: VaultTarget): Rules {
  return Object.fromEntries([
    ...reads.map((read) => [readPathOf(read), [capabilityOf(read)]] as const),
    ['auth/token/revoke-self', ['update']] as const,
  ]);
}

/** Revokes and lists exactly what deliveries to these targets can leave; reads no credential. */
export function reaperRules(targets: readonly VaultTarget[]): Rules {
  const rules: Record<string, readonly string[]> = {
    'auth/token/revoke-accessor': ['update'],
    'auth/token/revoke-self': ['update'],
    'sys/leases/revoke': ['update'],
  };
  for (const prefix of targets.flatMap(leasePrefixes)) {
    rules[`sys/leases/revoke-prefix/${prefix}`] = ['update', 'sudo'];
    rules[`sys/leases/lookup/${prefix}/`] = ['list', 'sudo'];
  }
  return rules;
}

/** Where a delivery's token and its leases stand at Vault. */
export function leasePrefixes({ jwtMount, reads }: VaultTarget): string[] {
  const paths = reads.filter(({ kind }) => hasLease(kind)).map(readPathOf);
  return [`auth/${jwtMount}/login`, ...new Set(paths)];
}

export function policyText(rules: Rules): string {
  return JSON.stringify({
    path: Object.fromEntries(
      Object.entries(rules).map(([path, capabilities]) => [path, { capabilities }]),
    ),
  });
}

function capabilityOf({ kind }: CredentialRead): 'read' | 'update' {
  // Signing and issuing are POSTs.
  return kind === 'ssh' || kind === 'pki' ? 'update' : 'read';
}
