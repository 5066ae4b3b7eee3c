/** Where at Vault a target's credentials come from: the paths whose answers have to stand in the ledger. */

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

/** Policies of deliveries' tokens begin with this; the rest is the target's name. */
export const deliveryPolicyPrefix = 'airlock-target-';
