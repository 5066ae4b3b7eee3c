/** Tokens with which a person's programs call the API: what they are, and when they count. */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What a token may be for. None of them lets it make tokens, or decide anything at the gate. */
export const tokenScopes = ['read', 'run', 'promote', 'secrets', 'admin'] as const;
export type TokenScope = (typeof tokenScopes)[number];

export const mostTokenDays = 90;
/** Of a token that counts as an administrator's: what a person is for an hour no program is for a season. */
export const mostAdministratorTokenDays = 1;
/** Somebody who has not signed in for so long may have left: their tokens wait until they do. */
export const mostIdleDays = 30;

const dayMs = 86_400_000;
const prefix = 'alk_';

export const TokenWish = z.strictObject({
  name: z.string().trim().min(1, 'say for which program it is').max(100),
  scopes: z
    .array(z.enum(tokenScopes))
    .min(1, 'name at least one scope')
    .transform((scopes) => [...new Set(scopes)]),
  days: z.int().min(1).max(mostTokenDays, `at most ${mostTokenDays} days`),
  /** In CIDR form; empty: from anywhere. */
  networks: z.array(z.string().max(64)).max(16),
});
export type TokenWish = z.infer<typeof TokenWish>;

/** @param random 32 bytes. */
export function formatToken(random: Buffer): string {
  return `${prefix}${random.toString('base64url')}`;
}

/** What is kept of a token; null for what is no token of ours. */
export function tokenHash(token: string): Buffer | null {
  if (!/^alk_[\w-]{43}$/.test(token)) return null;
  return createHash('sha256').update(token).digest();
}

export interface TokenFacts {
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly networks: readonly string[];
  readonly ownerSeenAt: Date;
}

/** @param isWithin whether the caller's address is in a network. */
export function tokenCounts(
  token: TokenFacts,
  now: Date,
  isWithin: (network: string) => boolean,
): boolean {
  if (token.revokedAt !== null || token.expiresAt.getTime() <= now.getTime()) return false;
  if (now.getTime() - token.ownerSeenAt.getTime() > mostIdleDays * dayMs) return false;
  return token.networks.length === 0 || token.networks.some(isWithin);
}
