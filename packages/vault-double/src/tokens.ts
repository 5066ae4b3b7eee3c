/** Service tokens: value, accessor, policies, uses, end. A token's end ends its leases and its children. */
import { createHash } from 'node:crypto';
import { ApiFailure, randomName } from './api.ts';
import type { Clock } from './clock.ts';
import { shortDuration } from './durations.ts';
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
  /** At its making, or since it was last renewed. */
  ttlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  readonly renewable: boolean;
  /** 0: as often as it likes. */
  usesLeft: number;
  /** Its last use has begun: the request goes through, and the token ends with it. */
  isEnding: boolean;
  /** Addresses that may use it; empty: all. */
  readonly boundCidrs: readonly string[];
  /** Null for a root token without an end. */
  expiresAt: number | null;
  parent: string | null;
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
  renewable?: boolean;
  numUses?: number;
  boundCidrs?: readonly string[];
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
    maxTtlSeconds: 0,
    explicitMaxTtlSeconds: 0,
    renewable: false,
    usesLeft: 0,
    isEnding: false,
    boundCidrs: [],
    expiresAt: null,
    parent: null,
    leaseId: null,
  });

  /** `warnings` says when less was given than asked for. */
  function create(request: {
    path: string;
    displayName: string;
    metadata: Record<string, string>;
    terms: TokenTerms;
    parent: string | null;
  }): { token: Token; warnings: readonly string[] } {
    const { terms } = request;
    const limits = [terms.maxTtlSeconds, terms.explicitMaxTtlSeconds, longestTtlSeconds];
    const { seconds: ttlSeconds, warnings } = capped(
      terms.ttlSeconds === 0 ? longestTtlSeconds : terms.ttlSeconds,
      limits,
    );
    const isEndless = terms.policies.includes('root') && terms.ttlSeconds === 0;
    const id = `${prefix}${randomName(24)}`;
    const leaseId = `${request.path}/h${createHash('sha256').update(id).digest('hex')}`;
    const token: Token = {
      id,
      accessor: randomName(24),
      policies: policiesOf(terms),
      path: request.path,
      displayName: request.displayName,
      metadata: request.metadata,
      issuedAt: clock.now(),
      ttlSeconds: isEndless ? 0 : ttlSeconds,
      maxTtlSeconds: terms.maxTtlSeconds,
      explicitMaxTtlSeconds: terms.explicitMaxTtlSeconds,
      renewable: !isEndless && terms.renewable !== false,
      usesLeft: terms.numUses ?? 0,
      isEnding: false,
      boundCidrs: terms.boundCidrs ?? [],
      expiresAt: isEndless ? null : clock.now() + ttlSeconds * 1000,
      parent: request.parent,
      leaseId: isEndless ? null : leaseId,
    };
    tokens.set(id, token);
    if (isEndless) return { token, warnings: [] };
    leases.add({
      id: leaseId,
      path: request.path,
      tokenId: null,
      ttlSeconds,
      renewable: token.renewable,
      undo: () => {
        end(token);
        return Promise.resolve();
      },
    });
    return { token, warnings };
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

  /** A longer life, up to what its role and its own limits allow. @throws ApiFailure 400 when it may have none. */
  function renew(token: Token, askedSeconds: number): readonly string[] {
    const lease = token.leaseId === null ? undefined : leases.get(token.leaseId);
    if (lease === undefined || !token.renewable) {
      throw new ApiFailure(400, 'lease is not renewable');
    }
    const age = Math.floor((clock.now() - token.issuedAt) / 1000);
    const limits = [token.maxTtlSeconds, token.explicitMaxTtlSeconds, longestTtlSeconds];
    const left = limits.filter((limit) => limit > 0).map((limit) => Math.max(1, limit - age));
    const { seconds, warnings } = capped(askedSeconds || token.ttlSeconds, left);
    token.ttlSeconds = seconds;
    token.expiresAt = clock.now() + seconds * 1000;
    leases.extend(lease, token.expiresAt);
    return warnings;
  }

  return {
    create,
    revoke,
    renew,
    /** Counts one use. True when it was the last: whoever lets the request through then revokes the token. */
    use(token: Token): boolean {
      if (token.usesLeft === 0) return false;
      token.usesLeft -= 1;
      token.isEnding = token.usesLeft === 0;
      return token.isEnding;
    },
    /** Ends it and lets its children live on as orphans. */
    async revokeOrphaning(token: Token): Promise<void> {
      for (const child of tokens.values()) if (child.parent === token.id) child.parent = null;
      await revoke(token);
    },
    /** Undefined for a token that does not exist, is past its end or is being used for the last time. */
    find(id: string): Token | undefined {
      const token = tokens.get(id);
      if (token === undefined || token.isEnding) return undefined;
      return token.expiresAt !== null && token.expiresAt <= clock.now() ? undefined : token;
    },
    findByAccessor: (accessor: string): Token | undefined =>
      [...tokens.values()].find((token) => token.accessor === accessor),
    all: (): readonly Token[] => [...tokens.values()],
  };
}

function policiesOf(terms: TokenTerms): readonly string[] {
  if (terms.policies.includes('root')) return ['root'];
  const added = terms.noDefaultPolicy ? [] : ['default'];
  return [...new Set([...added, ...terms.policies])].sort();
}

function capped(wanted: number, limits: readonly number[]) {
  const most = Math.min(...limits.filter((limit) => limit > 0));
  const warning = `TTL of "${shortDuration(wanted)}" exceeded the effective max_ttl of "${shortDuration(most)}"; TTL value is capped accordingly`;
  return { seconds: Math.min(wanted, most), warnings: wanted > most ? [warning] : [] };
}
