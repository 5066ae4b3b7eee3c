/** Service tokens: value, accessor, policies, end. A token's end ends its leases and its children. */
import { createHash } from 'node:crypto';
import { type Reply, answer, randomName } from './api.ts';
import type { Clock } from './clock.ts';
import type { Leases } from './leases.ts';

export type Token = {
  readonly id: string;
  readonly accessor: string;
  readonly policies: readonly string[];
  /** The path that made it, such as `auth/jwt-prod/login`. */
  readonly path: string;
  readonly displayName: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly issuedAt: number;
  readonly ttlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  /** Null for the root token, which never ends. */
  readonly expiresAt: number | null;
  readonly parent: string | null;
  readonly leaseId: string | null;
};

export type Tokens = ReturnType<typeof createTokens>;

/** What auth methods say about the tokens they give out (fields `token_*` of a role). */
export type TokenTerms = {
  policies: readonly string[];
  ttlSeconds: number;
  maxTtlSeconds: number;
  explicitMaxTtlSeconds: number;
  noDefaultPolicy: boolean;
};

const longestTtlSeconds = 768 * 3600;

export function createTokens({
  clock,
  leases,
  rootToken,
  prefix,
}: {
  clock: Clock;
  leases: Leases;
  rootToken: string;
  /** What a token's value begins with. */
  prefix: string;
}) {
  const tokens = new Map<string, Token>();
  tokens.set(rootToken, {
    id: rootToken,
    accessor: randomName(24),
    policies: ['root'],
    path: 'auth/token/root',
    displayName: 'root',
    metadata: {},
    issuedAt: clock.now(),
    ttlSeconds: 0,
    explicitMaxTtlSeconds: 0,
    expiresAt: null,
    parent: null,
    leaseId: null,
  });

  function create(request: {
    path: string;
    displayName: string;
    metadata: Record<string, string>;
    terms: TokenTerms;
    parent: string | null;
  }): Token {
    const { terms } = request;
    const limits = [terms.maxTtlSeconds, terms.explicitMaxTtlSeconds, longestTtlSeconds];
    const ttlSeconds = Math.min(
      terms.ttlSeconds === 0 ? longestTtlSeconds : terms.ttlSeconds,
      ...limits.filter((limit) => limit > 0),
    );
    const id = `${prefix}${randomName(24)}`;
    const leaseId = `${request.path}/h${createHash('sha256').update(id).digest('hex')}`;
    const token: Token = {
      id,
      accessor: randomName(24),
      policies: [
        ...new Set([...(terms.noDefaultPolicy ? [] : ['default']), ...terms.policies]),
      ].sort(),
      path: request.path,
      displayName: request.displayName,
      metadata: request.metadata,
      issuedAt: clock.now(),
      ttlSeconds,
      explicitMaxTtlSeconds: terms.explicitMaxTtlSeconds,
      expiresAt: clock.now() + ttlSeconds * 1000,
      parent: request.parent,
      leaseId,
    };
    tokens.set(id, token);
    leases.add({
      id: leaseId,
      path: request.path,
      tokenId: null,
      ttlSeconds,
      renewable: true,
      undo: () => {
        end(token);
        return Promise.resolve();
      },
    });
    return token;
  }

  function end(token: Token): void {
    tokens.delete(token.id);
    for (const lease of leases.ofToken(token.id)) leases.revokeLater(lease);
    for (const child of tokens.values()) if (child.parent === token.id) void revoke(child);
  }

  /** The token is gone when this resolves; its leases are being undone, with retries when the database is away. */
  async function revoke(token: Token): Promise<void> {
    const lease = token.leaseId === null ? undefined : leases.get(token.leaseId);
    if (lease === undefined) end(token);
    else await leases.revoke(lease);
  }

  return {
    create,
    revoke,
    /** Undefined for a token that does not exist or is past its end. */
    find(id: string): Token | undefined {
      const token = tokens.get(id);
      return token === undefined || (token.expiresAt !== null && token.expiresAt <= clock.now())
        ? undefined
        : token;
    },
    findByAccessor: (accessor: string): Token | undefined =>
      [...tokens.values()].find((token) => token.accessor === accessor),
    /** What lookups answer; the value only when the caller already has it. */
    describe(token: Token, withId: boolean): Reply {
      const left = token.expiresAt === null ? 0 : Math.ceil((token.expiresAt - clock.now()) / 1000);
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
          meta: token.metadata,
          num_uses: 0,
          orphan: token.parent === null,
          path: token.path,
          policies: token.policies,
          renewable: token.expiresAt !== null,
          ttl: left,
          type: 'service',
        },
      });
    },
  };
}

export function authAnswer(token: Token): Reply {
  return answer({
    auth: {
      client_token: token.id,
      accessor: token.accessor,
      policies: token.policies,
      token_policies: token.policies,
      metadata: token.metadata,
      lease_duration: token.ttlSeconds,
      renewable: true,
      entity_id: '',
      token_type: 'service',
      orphan: token.parent === null,
      mfa_requirement: null,
      num_uses: 0,
    },
  });
}
