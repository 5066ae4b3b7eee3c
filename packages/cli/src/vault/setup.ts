/**
 * What Vault must know before the first delivery: one JWT auth mount and one policy for each target, a role for each of its
 * credentials, and one revoke-only AppRole for the watchdog. Plain API calls with JSON policies, so that the plan can be
 * read, reviewed and applied by hand. Everything may be applied again.
 */
import { createPublicKey } from 'node:crypto';
import { alreadyMounted, type VaultCall } from './call.ts';
import { engineCalls } from './engines.ts';
import { VaultSetupError } from './error.ts';
import {
  policyText,
  reaperPolicyName,
  reaperRules,
  targetPolicyName,
  targetRules,
  type Rules,
} from './policies.ts';
import { requireSeparateTargets, type VaultTarget } from './targets.ts';

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
  requireSeparateTargets(targets);
  const algorithm = algorithmOf(authorityPublicKeyPem);
  const calls = [
    ...targets.flatMap((target) => [
      policyCall(targetPolicyName(target.target), targetRules(target)),
      ...loginCalls({ target, issuer, authorityPublicKeyPem, algorithm }),
      ...engineCalls(target),
    ]),
    ...reaperCalls({ targets, roleName: reaper.roleName }),
  ];
  // A mount of several roles is planned with each.
  return calls.filter(({ path }, index) => calls.findIndex((call) => call.path === path) === index);
}

function loginCalls({
  target: { target, jwtMount, jwtRole, ttlSeconds },
  issuer,
  authorityPublicKeyPem,
  algorithm,
}: {
  target: VaultTarget;
  issuer: string;
  authorityPublicKeyPem: string;
  algorithm: string;
}): VaultCall[] {
  return [
    {
      method: 'POST',
      path: `sys/auth/${jwtMount}`,
      body: { type: 'jwt', description: `Airlock deliveries to ${target}` },
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
        bound_audiences: [`vault-prod/${target}`],
        bound_subject: `target:${target}`,
        bound_claims: { target, purpose: 'delivery', approval_state: 'satisfied' },
        bound_claims_type: 'string',
        claim_mappings: {
          delivery_id: 'delivery_id',
          artifact_digest: 'artifact_digest',
          jti: 'session_id',
        },
        // -1 means none: the defaults would let an expired JWT in for another two and a half minutes.
        clock_skew_leeway: 5,
        expiration_leeway: -1,
        not_before_leeway: -1,
        token_policies: [targetPolicyName(target)],
        token_no_default_policy: true,
        token_ttl: ttlSeconds,
        token_max_ttl: ttlSeconds,
        token_explicit_max_ttl: ttlSeconds,
        token_type: 'service',
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
  const policy = reaperPolicyName(roleName);
  return [
    policyCall(policy, reaperRules(targets)),
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

function policyCall(name: string, rules: Rules): VaultCall {
  return { method: 'PUT', path: `sys/policies/acl/${name}`, body: { policy: policyText(rules) } };
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
