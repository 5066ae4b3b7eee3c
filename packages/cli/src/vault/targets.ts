/** What the set-up of Vault is told about a target, and what two targets must not share. */
import { readPathOf, type CredentialRead } from '@airlock/common/policy/target-credentials';
import type { Secret } from '@airlock/common/secret';
import { VaultSetupError } from './error.ts';

export type VaultTarget = {
  /** Name of the target; the JWT's `sub` is `target:<name>` and its `aud` is `vault-prod/<name>`. */
  target: string;
  /** Its policy is `airlock-target-<policyName>`; for a Vault that several gates share. Default: the target's name. */
  policyName?: string;
  jwtMount: string;
  jwtRole: string;
  /** Life of the token and of its leases: the hook's timeout and a margin. */
  ttlSeconds: number;
  /** As the target file has them. */
  reads: readonly CredentialRead[];
  /** How Vault itself reaches the database of each read of kind database, by the read's `as`. */
  connections: Readonly<Record<string, DatabaseConnection>>;
};

export type DatabaseConnection = {
  host: string;
  port: number;
  database: string;
  /** Login of Vault itself. */
  username: string;
  password: Secret;
  /** Where the password is from, for people. Default `its owner`. */
  passwordFrom?: string;
  /** The role that owns the application's tables; every credential acts as it. */
  appOwner: string;
};

/**
 * @throws VaultSetupError `vault-setup-invalid` for a name that would reach another path, and for whatever two targets share:
 * the credential of one could then be read, or revoked, with the other's.
 */
export function requireSeparateTargets(targets: readonly VaultTarget[]): void {
  for (const target of targets) {
    const { policyName = target.target } = target;
    for (const name of [target.target, policyName, target.jwtMount, target.jwtRole]) {
      requireName(name);
    }
    for (const read of target.reads) {
      requireName(read.mount);
      if (read.kind === 'kv') requirePath(read.path);
      else requireName(read.role);
    }
    requireOneReadPerDatabaseRole(target);
  }
  requireOwn('target', targets, ({ target }) => [target]);
  requireOwn('jwtMount', targets, ({ jwtMount }) => [jwtMount]);
  requireOwn('credential', targets, ({ reads }) => reads.map(readPathOf));
  requireOneKindPerMount(targets.flatMap(({ reads }) => reads));
}

/** @throws VaultSetupError `vault-setup-invalid` unless it can stand between two slashes of a Vault path and mean itself. */
export function requireName(name: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `"${name}" becomes part of a Vault path; use lower-case letters, digits and hyphens, 63 at most`,
    );
  }
}

function requirePath(path: string): void {
  // `+` and a closing `*` are patterns in a policy.
  const isPath = path
    .split('/')
    .every((part) => /^[A-Za-z0-9_.-]+$/.test(part) && part !== '.' && part !== '..');
  if (!isPath) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `"${path}" becomes part of a Vault path; use letters, digits, _ . and - with / between`,
    );
  }
}

function requireOwn(
  field: string,
  targets: readonly VaultTarget[],
  valuesOf: (target: VaultTarget) => readonly string[],
): void {
  const values = targets.flatMap((target) => [...new Set(valuesOf(target))]);
  const repeated = values.find((value, index) => values.indexOf(value) !== index);
  if (repeated === undefined) return;
  throw new VaultSetupError(
    'vault-setup-invalid',
    `${field} "${repeated}" is used by two targets; give each its own`,
  );
}

function requireOneReadPerDatabaseRole({ target, reads }: VaultTarget): void {
  const paths = reads.filter(({ kind }) => kind === 'database').map(readPathOf);
  const repeated = paths.find((path, index) => paths.indexOf(path) !== index);
  if (repeated === undefined) return;
  throw new VaultSetupError(
    'vault-setup-invalid',
    `two reads of ${target} ask for ${repeated}; give each a database role of its own`,
  );
}

function requireOneKindPerMount(reads: readonly CredentialRead[]): void {
  for (const { mount, kind } of reads) {
    const other = reads.find((read) => read.mount === mount && read.kind !== kind);
    if (other === undefined) continue;
    throw new VaultSetupError(
      'vault-setup-invalid',
      `mount "${mount}" is named for ${kind} and for ${other.kind}; each engine has mounts of its own`,
    );
  }
}
