/** How answers show a token: to whoever just got it, and to whoever looks it up. */
import { type Reply, answer } from './api.ts';
import type { Token } from './tokens.ts';

/** The answer that hands a token out. */
export function authAnswer({
  token,
  warnings,
}: {
  token: Token;
  warnings: readonly string[];
}): Reply {
  return answer({
    warnings,
    auth: {
      client_token: token.id,
      accessor: token.accessor,
      policies: token.policies,
      token_policies: token.policies,
      metadata: metadataOf(token),
      lease_duration: token.ttlSeconds,
      renewable: token.renewable,
      entity_id: '',
      token_type: 'service',
      orphan: token.parent === null,
      mfa_requirement: null,
      num_uses: token.usesLeft,
    },
  });
}

/** @param withId whether the caller knows the value already; by accessor it is never told. */
export function describeToken(token: Token, { withId, now }: { withId: boolean; now: number }) {
  return answer({
    data: {
      accessor: token.accessor,
      creation_time: Math.floor(token.issuedAt / 1000),
      creation_ttl: token.ttlSeconds,
      display_name: token.displayName,
      entity_id: '',
      expire_time: token.expiresAt === null ? null : new Date(token.expiresAt).toISOString(),
      explicit_max_ttl: token.explicitMaxTtlSeconds,
      id: withId ? token.id : '',
      issue_time: new Date(token.issuedAt).toISOString(),
      meta: metadataOf(token),
      num_uses: token.usesLeft,
      orphan: token.parent === null,
      path: token.path,
      policies: token.policies,
      renewable: token.renewable,
      ttl: token.expiresAt === null ? 0 : Math.ceil((token.expiresAt - now) / 1000),
      type: 'service',
    },
  });
}

function metadataOf(token: Token): Readonly<Record<string, string>> | null {
  return Object.keys(token.metadata).length === 0 ? null : token.metadata;
}
