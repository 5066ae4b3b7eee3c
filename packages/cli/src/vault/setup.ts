/**
 * What Vault must know before the first delivery: one JWT auth mount and one policy for each target, a role for each of its
 * credentials, and one revoke-only AppRole for the watchdog. Plain API calls with JSON policies, so that the plan can be
 * read, reviewed and applied by hand. Everything may be applied again.
 */
import { createPublicKey } from 'node:crypto';
import { isIP } from 'node:net';
import { mountCall, type VaultCall } from './call.ts';
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
import { reaperCalls, type ReaperRole } from './reaper.ts';
import { requireSeparateTargets, type VaultTarget } from './targets.ts';

export type VaultSetup = {
  readonly targets: readonly VaultTarget[];
  /** Targets of other runs, whose leases the watchdog ends as well: its policy is written whole. Default: none. */
  readonly otherTargets?: readonly VaultTarget[];
  readonly reaper: ReaperRole;
  /** `iss` of the authority's JWTs. */
  readonly issuer: string;
  /** Of the authority; two while its key is replaced. */
  readonly authorityPublicKeyPem: string | readonly string[];
  /** Networks that tokens may be used from, such as `10.0.0.7/32`. Default: any. */
  readonly gateCidrs?: readonly string[];
};

/**
 * @throws VaultSetupError `vault-setup-invalid` when a name does not fit into a path, two targets share something, or a key
 *   cannot sign a JWT.
 */
export function planVaultSetup(setup: VaultSetup): VaultCall[] {
  const { targets, reaper, issuer, authorityPublicKeyPem, gateCidrs = [] } = setup;
  const reaped = [...targets, ...(setup.otherTargets ?? [])];
  requireSeparateTargets(reaped);
  for (const cidr of gateCidrs) requireCidr(cidr);
  requireIssuer(issuer);
  const keys = [authorityPublicKeyPem].flat();
  if (keys.length === 0) {
    throw new VaultSetupError(
      'vault-setup-invalid',
      'no key of the authority is given, so that nobody could log in; give its public key',
    );
  }
  const algorithms = [...new Set(keys.map(algorithmOf))];
  const calls = [
    ...targets.flatMap((target) => [
      policyCall(targetPolicyName(target), targetRules(target)),
      ...loginCalls({ target, issuer, keys, algorithms, gateCidrs }),
      ...engineCalls(target),
    ]),
    policyCall(reaperPolicyName(reaper.roleName), reaperRules(reaped)),
    ...reaperCalls(reaper, gateCidrs),
  ];
  // A mount of several roles is planned with each.
  return calls.filter(({ path }, index) => calls.findIndex((call) => call.path === path) === index);
}

function loginCalls({
  target: given,
  issuer,
  keys,
  algorithms,
  gateCidrs,
}: {
  target: VaultTarget;
  issuer: string;
  keys: readonly string[];
  algorithms: readonly string[];
  gateCidrs: readonly string[];
}): VaultCall[] {
  const { target, jwtMount, jwtRole, ttlSeconds } = given;
  return [
    mountCall('sys/auth', jwtMount, {
      type: 'jwt',
      description: `Airlock deliveries to ${target}`,
    }),
    {
      what: `who may sign logins at auth/${jwtMount}`,
      method: 'POST',
      path: `auth/${jwtMount}/config`,
      body: {
        jwt_validation_pubkeys: keys,
        bound_issuer: issuer,
        jwt_supported_algs: algorithms,
        // Vault would ask there who else may sign.
        jwks_url: '',
        oidc_discovery_url: '',
        default_role: '',
      },
    },
    {
      what: `login role ${jwtRole} of auth/${jwtMount}`,
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
        token_policies: [targetPolicyName(given)],
        token_no_default_policy: true,
        token_ttl: ttlSeconds,
        token_max_ttl: ttlSeconds,
        token_explicit_max_ttl: ttlSeconds,
        token_type: 'service',
        token_num_uses: 0,
        token_period: 0,
        token_bound_cidrs: gateCidrs,
      },
    },
  ];
}

function policyCall(name: string, rules: Rules): VaultCall {
  return {
    what: `policy ${name}`,
    method: 'PUT',
    path: `sys/policies/acl/${name}`,
    body: { policy: policyText(rules) },
  };
}

/**
 * A mount whose `bound_issuer` is empty asks nobody who signed.
 *
 * @throws VaultSetupError `vault-setup-invalid`
 */
function requireIssuer(issuer: string): void {
  if (/^\S{1,256}$/.test(issuer)) return;
  throw new VaultSetupError(
    'vault-setup-invalid',
    `"${issuer}" is no issuer; give what the authority's configuration has as issuer`,
  );
}

/** @throws VaultSetupError `vault-setup-invalid` */
function requireCidr(cidr: string): void {
  const [address = '', bits = ''] = cidr.split('/');
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (/^\d{1,3}$/.test(bits) && Number(bits) <= longest && Number(bits) > 0) return;
  throw new VaultSetupError(
    'vault-setup-invalid',
    `"${cidr}" is no network; give an address and its bits, such as 10.0.0.7/32`,
  );
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
