/** Where at Vault a target's credentials come from: the paths whose answers have to stand in the ledger. */

import { readPathOf, type CredentialRead } from '@airlock/common/policy/target-credentials';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';

export type VaultPlaces = {
  /** Targets whose deliveries log in at the path, such as `auth/jwt-prod-eu/login`. */
  readonly logins: ReadonlyMap<string, ReadonlySet<string>>;
  /** Targets whose deliveries read at the path, such as `database/creds/shop-prod-eu`. */
  readonly reads: ReadonlyMap<string, ReadonlySet<string>>;
};

export type VaultPlace = {
  readonly target: string;
  /** Below `/v1/`. A path that begins with `auth/` is that of a login. */
  readonly path: string;
};

export function placesOf(places: readonly VaultPlace[]): VaultPlaces {
  const logins = new Map<string, Set<string>>();
  const reads = new Map<string, Set<string>>();
  for (const { target, path } of places) {
    const of = path.startsWith('auth/') ? logins : reads;
    of.set(path, (of.get(path) ?? new Set()).add(target));
  }
  return { logins, reads };
}

/** The paths of one target: its login, what it reads, and where else Vault gives out the same by the same role. */
export function targetPlaces({ target, credentials }: TargetPolicy): VaultPlace[] {
  const { jwtMount, reads } = credentials.vault;
  return [`auth/${jwtMount}/login`, ...reads.flatMap(pathsOf)].map((path) => ({ target, path }));
}

function pathsOf(read: CredentialRead): string[] {
  const path = readPathOf(read);
  switch (read.kind) {
    case 'database':
    case 'kv':
      return [path];
    case 'aws':
      return [path, `${read.mount}/sts/${read.role}`];
    case 'ssh':
    case 'pki':
      return [
        ...new Set([path, ...['issue', 'sign'].map((by) => `${read.mount}/${by}/${read.role}`)]),
      ];
  }
}

/** Policies of deliveries' tokens begin with this; the rest is the target's name. */
export const deliveryPolicyPrefix = 'airlock-target-';
