/**
 * What Vault must know before the first delivery: one JWT auth mount, one policy and one database role for each target, and
 * one revoke-only AppRole for the watchdog. Plain API calls with JSON policies, so that the plan can be read, reviewed and
 * applied by hand. Everything may be applied again.
 */
import { createPublicKey } from 'node:crypto';
import { VaultSetupError } from './error.ts';
import { ephemeralRoleStatements } from './postgres.ts';

export type VaultTarget = {
  /** Name of the target; the JWT's `sub` is `target:<name>` and its `aud` is `vault-prod/<name>`. */
  target: string;
  jwtMount: string;
  jwtRole: string;
  databaseMount: string;
  databaseRole: string;
  /** Life of the token and of the credential: the hook's timeout and a margin. */
  ttlSeconds: number;
  /** How Vault itself reaches the target's Postgres. */
  connection: {
    host: string;
    port: number;
    database: string;
    username: string;
    password: string;
  };
  /** The role that owns the application's tables; every credential acts as it. */
  appOwner: string;
};

export type VaultCall = {
  method: 'POST' | 'PUT';
  /** Below `/v1/`. */
  path: string;
  body: Record<string, unknown>;
  /** Part of the 400 that means an earlier run did this already. */
  doneWhenRefusedWith?: string;
};

const alreadyMounted = 'path is already in use';

/** @throws VaultSetupError `vault-setup-invalid` when a name does not fit into a path or the key cannot sign a JWT. */
export function planVaultSetup({
  targets,
  reaper,
  issuer,
  authorityPublicKeyPem,
}: {
  targets: readonly VaultTarget[];
  reaper: { roleName: string };
  issuer: string;
  authorityPublicKeyPem: string;
}): VaultCall[] {
  const names = targets.flatMap((target) => [
    target.target,
    target.jwtMount,
    target.jwtRole,
    target.databaseMount,
    target.databaseRole,
  ]);
  for (const name of [...names, reaper.roleName]) requireName(name);
  requireOneMountPerTarget(targets);
  const algorithm = algorithmOf(authorityPublicKeyPem);
  return [
    ...targets.flatMap((target) =>
      targetCalls({ target, issuer, authorityPublicKeyPem, algorithm }),
    ),
    ...reaperCalls({ targets, roleName: reaper.roleName }),
  ];
}

function targetCalls({
  target,
  issuer,
  authorityPublicKeyPem,
  algorithm,
}: {
  target: VaultTarget;
  issuer: string;
  authorityPublicKeyPem: string;
  algorithm: string;
}): VaultCall[] {
  const { jwtMount, jwtRole, databaseMount, databaseRole, connection, ttlSeconds } = target;
  const policy = `airlock-target-${target.target}`;
  return [
    policyCall(policy, {
      [`${databaseMount}/creds/${databaseRole}`]: ['read'],
      'auth/token/revoke-self': ['update'],
    }),
    {
      method: 'POST',
      path: `sys/auth/${jwtMount}`,
      body: { type: 'jwt', description: `Airlock deliveries to ${target.target}` },
      doneWhenRefusedWith: alreadyMounted,
    },
    {
      method: 'POST',
      path: `auth/${jwtMount}/config`,
      body: {
        jwt_validation_pubkeys: [authorityPublicKeyPem],
        bound_issuer: issuer,
        jwt_supported_algs: [algorithm],
      },
    },
    {
      method: 'POST',
      path: `auth/${jwtMount}/role/${jwtRole}`,
      body: {
        role_type: 'jwt',
        user_claim: 'target',
        bound_audiences: [`vault-prod/${target.target}`],
        bound_subject: `target:${target.target}`,
        bound_claims: {
          target: target.target,
          purpose: 'delivery',
          approval_state: 'satisfied',
        },
        bound_claims_type: 'string',
        claim_mappings: { delivery_id: 'delivery_id', artifact_digest: 'artifact_digest' },
        // -1 means none: the defaults would let an expired JWT in for another two and a half minutes.
        clock_skew_leeway: 5,
        expiration_leeway: -1,
        not_before_leeway: -1,
        token_policies: [policy],
        token_no_default_policy: true,
        token_ttl: ttlSeconds,
        token_max_ttl: ttlSeconds,
        token_explicit_max_ttl: ttlSeconds,
        token_type: 'service',
      },
    },
    {
      method: 'POST',
      path: `sys/mounts/${databaseMount}`,
      body: { type: 'database', description: 'Airlock production databases' },
      doneWhenRefusedWith: alreadyMounted,
    },
    {
      method: 'POST',
      path: `${databaseMount}/config/${target.target}`,
      body: {
        plugin_name: 'postgresql-database-plugin',
        connection_url: connectionUrl(connection),
        username: connection.username,
        password: connection.password,
        allowed_roles: [databaseRole],
        verify_connection: true,
      },
    },
    {
      method: 'POST',
      path: `${databaseMount}/roles/${databaseRole}`,
      body: {
        db_name: target.target,
        ...ephemeralRoleStatements(target.appOwner),
        default_ttl: ttlSeconds,
        max_ttl: ttlSeconds,
      },
    },
  ];
}

function reaperCalls({
  targets,
  roleName,
}: {
  targets: readonly VaultTarget[];
  roleName: string;
}): VaultCall[] {
  const prefixes = targets.flatMap((target) => [
    `auth/${target.jwtMount}/login`,
    `${target.databaseMount}/creds/${target.databaseRole}`,
  ]);
  const rules: Record<string, string[]> = {
    'auth/token/revoke-accessor': ['update'],
    'auth/token/revoke-self': ['update'],
    'sys/leases/revoke': ['update'],
  };
  for (const prefix of prefixes) {
    rules[`sys/leases/revoke-prefix/${prefix}`] = ['update', 'sudo'];
    rules[`sys/leases/lookup/${prefix}/`] = ['list', 'sudo'];
  }
  const policy = `airlock-${roleName}`;
  return [
    policyCall(policy, rules),
    {
      method: 'POST',
      path: 'sys/auth/approle',
      body: { type: 'approle', description: 'Airlock watchdog' },
      doneWhenRefusedWith: alreadyMounted,
    },
    {
      method: 'POST',
      path: `auth/approle/role/${roleName}`,
      body: {
        bind_secret_id: true,
        token_policies: [policy],
        token_no_default_policy: true,
        // One pass of the watchdog; it logs in afresh for each and renews nothing.
        token_ttl: 60,
        token_max_ttl: 60,
        token_type: 'service',
      },
    },
  ];
}

function policyCall(name: string, rules: Record<string, readonly string[]>): VaultCall {
  const path = Object.fromEntries(
    Object.entries(rules).map(([pattern, capabilities]) => [pattern, { capabilities }]),
  );
  return {
    method: 'PUT',
    path: `sys/policies/acl/${name}`,
    body: { policy: JSON.stringify({ path }) },
  };
}

function connectionUrl({
  host,
  port,
  database,
}: {
  host: string;
  port: number;
  database: string;
}): string {
  const isLoopback = host === '127.0.0.1' || host === '::1' || host === 'localhost';
  const address = host.includes(':') ? `[${host}]` : host;
  // Vault fills in user and password itself; off this machine the server's certificate is checked.
  return (
    `postgresql://{{username}}:{{password}}@${address}:${port}/${encodeURIComponent(database)}` +
    `?sslmode=${isLoopback ? 'disable' : 'verify-full'}`
  );
}

function requireName(name: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      `"${name}" becomes part of a Vault path; use lower-case letters, digits and hyphens, 63 at most`,
    );
  }
}

/** A mount or database role shared by two targets would let the credential of one be revoked, or read, with the other's. */
function requireOneMountPerTarget(targets: readonly VaultTarget[]): void {
  const claims: [string, (target: VaultTarget) => string][] = [
    ['target', (target) => target.target],
    ['jwtMount', (target) => target.jwtMount],
    ['databaseRole', (target) => `${target.databaseMount}/${target.databaseRole}`],
  ];
  for (const [field, valueOf] of claims) {
    const values = targets.map(valueOf);
    const repeated = values.find((value, index) => values.indexOf(value) !== index);
    if (repeated !== undefined) {
      throw new VaultSetupError(
        'vault-setup-invalid',
        `${field} "${repeated}" is used by two targets; give each its own`,
      );
    }
  }
}

function algorithmOf(publicKeyPem: string): string {
  const key = createPublicKey(publicKeyPem);
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw new VaultSetupError(
    'vault-setup-invalid',
    `the authority's key is ${key.asymmetricKeyType ?? 'unknown'}; make an Ed25519 or P-256 key`,
  );
}
