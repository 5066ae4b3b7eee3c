/**
 * The JWT auth method with static public keys. It checks what Vault checks and no more: a replayed JWT logs in again, a list
 * claim passes when any entry matches, a missing `exp` is filled in from `iat` or `nbf`. Who mints must be strict.
 */
import { compactVerify, decodeProtectedHeader, importSPKI } from 'jose';
import { z } from 'zod';
import {
  ApiFailure,
  TextList,
  Ttl,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend } from '../backend.ts';
import type { Clock } from '../clock.ts';
import { TokenFields, termsOf } from './token-fields.ts';
import { authAnswer } from '../token-answers.ts';
import type { Tokens } from '../tokens.ts';

const Config = z.object({
  jwt_validation_pubkeys: TextList,
  bound_issuer: z.string().default(''),
  jwt_supported_algs: TextList.default(['EdDSA', 'ES256', 'RS256']),
});
type Config = z.infer<typeof Config>;

const ClaimValue = z.union([z.string(), z.array(z.string())]);

// Strict: a restriction that is not imitated is refused and not ignored.
const Role = z.strictObject({
  role_type: z.literal('jwt', { error: 'this stand-in knows role_type jwt only' }),
  user_claim: z.string().min(1),
  bound_audiences: TextList.default([]),
  bound_subject: z.string().default(''),
  bound_claims: z.record(z.string(), ClaimValue).default({}),
  bound_claims_type: z.literal('string').default('string'),
  claim_mappings: z.record(z.string(), z.string()).default({}),
  clock_skew_leeway: Ttl.default(0),
  expiration_leeway: Ttl.default(0),
  not_before_leeway: Ttl.default(0),
  ...TokenFields.shape,
});
type Role = z.infer<typeof Role>;

const Claims = z.looseObject({
  iss: z.string().default(''),
  sub: z.string().default(''),
  aud: z
    .union([z.string(), z.array(z.string())])
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .default([]),
  iat: z.number().default(0),
  nbf: z.number().default(0),
  exp: z.number().default(0),
});
type Claims = z.infer<typeof Claims>;

const defaultLeewaySeconds = 150;
const defaultSkewSeconds = 60;

export function createJwtAuth({
  mount,
  clock,
  tokens,
}: {
  mount: string;
  clock: Clock;
  tokens: Tokens;
}): Backend {
  let config: Config | null = null;
  const roles = new Map<string, Role>();

  async function login(body: Record<string, unknown>) {
    if (config === null) throw new ApiFailure(400, 'could not load configuration');
    const request = readBody(
      z.object({ role: z.string().default(''), jwt: z.string().default('') }),
      body,
    );
    const role = roles.get(request.role);
    if (role === undefined) {
      throw new ApiFailure(400, `role ${JSON.stringify(request.role)} could not be found`);
    }
    if (request.jwt === '') throw new ApiFailure(400, 'missing token');

    const claims = await verifySignature(config, request.jwt);
    checkRegisteredClaims({ claims, config, role, nowSeconds: clock.now() / 1000 });
    const user = claims[role.user_claim];
    if (typeof user !== 'string') {
      throw new ApiFailure(
        400,
        user === undefined
          ? `claim ${JSON.stringify(role.user_claim)} not found in token`
          : `claim ${JSON.stringify(role.user_claim)} could not be converted to string`,
      );
    }
    checkBoundClaims(role, claims);

    const metadata: Record<string, string> = { role: request.role };
    for (const [claim, name] of Object.entries(role.claim_mappings)) {
      const value = claims[claim];
      if (value === undefined) continue;
      if (typeof value !== 'string') {
        throw new ApiFailure(400, `error converting claim '${claim}' to string`);
      }
      metadata[name] = value;
    }
    return authAnswer(
      tokens.create({
        path: `auth/${mount}/login`,
        displayName: `${mount}-${user}`,
        metadata,
        terms: termsOf(role),
        parent: null,
      }),
    );
  }

  const backend: Backend = ({ operation, path, body }) => {
    if (path === 'login') {
      if (operation !== 'update') throw unsupportedOperation();
      return login(body);
    }
    if (path === 'config') {
      if (operation === 'read') return answer({ data: config });
      if (operation !== 'update') throw unsupportedOperation();
      config = readBody(Config, body);
      return noContent;
    }
    if ((path === 'role' || path === 'role/') && operation === 'list') {
      if (roles.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...roles.keys()].sort() } });
    }
    const name = /^role\/([^/]+)$/.exec(path)?.[1];
    if (name === undefined) throw unsupportedPath();
    if (operation === 'update') {
      roles.set(name, readBody(Role, body));
      return noContent;
    }
    if (operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    const role = roles.get(name);
    if (operation !== 'read') throw unsupportedOperation();
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: role });
  };
  return Object.assign(backend, { isOpen: (path: string) => path === 'login' });
}

async function verifySignature(config: Config, jwt: string): Promise<Claims> {
  let algorithm: string;
  try {
    algorithm = decodeProtectedHeader(jwt).alg ?? '';
  } catch {
    throw new ApiFailure(400, 'error validating token: error verifying token signature: malformed');
  }
  for (const pem of config.jwt_validation_pubkeys) {
    try {
      const key = await importSPKI(pem, algorithm);
      const { payload } = await compactVerify(jwt, key, { algorithms: [algorithm] });
      if (!config.jwt_supported_algs.includes(algorithm)) break;
      return Claims.parse(JSON.parse(new TextDecoder().decode(payload)));
    } catch (error) {
      // Any key of the list may have signed; only when none did is it a failure, below.
      if (error instanceof z.ZodError || error instanceof SyntaxError) {
        throw new ApiFailure(400, 'error validating token: claims malformed');
      }
    }
  }
  throw new ApiFailure(
    400,
    'error validating token: error verifying token signature: no known key successfully validated the token signature',
  );
}

function checkRegisteredClaims({
  claims,
  config,
  role,
  nowSeconds,
}: {
  claims: Claims;
  config: Config;
  role: Role;
  nowSeconds: number;
}): void {
  const refuse = (reason: string) => new ApiFailure(400, `error validating token: ${reason}`);
  if (config.bound_issuer !== '' && claims.iss !== config.bound_issuer) {
    throw refuse('invalid issuer (iss) claim');
  }
  if (role.bound_subject !== '' && claims.sub !== role.bound_subject) {
    throw refuse('invalid subject (sub) claim');
  }
  if (
    role.bound_audiences.length > 0 &&
    !role.bound_audiences.some((audience) => claims.aud.includes(audience))
  ) {
    throw refuse(
      'invalid audience (aud) claim: audience claim does not match any expected audience',
    );
  }
  if (claims.iat === 0 && claims.nbf === 0 && claims.exp === 0) {
    throw refuse('no issued at (iat), not before (nbf), or expiration time (exp) claims in token');
  }
  const leeway = (seconds: number, fallback: number) =>
    seconds === 0 ? fallback : Math.max(0, seconds);
  const skew = leeway(role.clock_skew_leeway, defaultSkewSeconds);
  const expires =
    claims.exp ||
    Math.max(claims.iat, claims.nbf) + leeway(role.expiration_leeway, defaultLeewaySeconds);
  const notBefore =
    claims.nbf || claims.iat || expires - leeway(role.not_before_leeway, defaultLeewaySeconds);
  if (nowSeconds + skew < notBefore) {
    throw refuse('invalid not before (nbf) claim: token not yet valid');
  }
  if (nowSeconds - skew > expires) {
    throw refuse('invalid expiration time (exp) claim: token is expired');
  }
  if (nowSeconds + skew < claims.iat) {
    throw refuse('invalid issued at (iat) claim: token issued in the future');
  }
  if (claims.aud.length > 0 && role.bound_audiences.length === 0) {
    throw new ApiFailure(400, 'audience claim found in JWT but no audiences bound to the role');
  }
}

function checkBoundClaims(role: Role, claims: Claims): void {
  for (const [claim, bound] of Object.entries(role.bound_claims)) {
    const value = claims[claim];
    const found = z.union([z.string(), z.array(z.unknown())]).safeParse(value);
    const name = JSON.stringify(claim);
    if (value === undefined) {
      throw new ApiFailure(400, `error validating claims: claim ${name} is missing`);
    }
    const expected: readonly unknown[] = Array.isArray(bound) ? bound : [bound];
    const actual = found.success ? [found.data].flat() : [];
    if (!actual.some((entry) => expected.includes(entry))) {
      throw new ApiFailure(
        400,
        `error validating claims: claim ${name} does not match any associated bound claim values`,
      );
    }
  }
}
