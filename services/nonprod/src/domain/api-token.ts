/** Tokens with which a person's programs call the API: what they are, and when they count. */
import { createHash } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** What a token may be for. None of them lets it make tokens, or decide anything at the gate. */
export const tokenScopes = ['read', 'run', 'promote', 'secrets', 'admin'] as const;
export type TokenScope = (typeof tokenScopes)[number];

export const mostTokenDays = 90;
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
  networks: z
    .array(
      z
        .string()
        .refine((text) => networkOf(text) !== null, 'expected a network such as 10.1.0.0/16'),
    )
    .max(16),
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

export function tokenCounts(token: TokenFacts, now: Date, address: string): boolean {
  if (token.revokedAt !== null || token.expiresAt.getTime() <= now.getTime()) return false;
  if (now.getTime() - token.ownerSeenAt.getTime() > mostIdleDays * dayMs) return false;
  return (
    token.networks.length === 0 || token.networks.some((network) => isWithin(network, address))
  );
}

function isWithin(network: string, address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  const version = isIP(plain);
  if (version === 0) return false;
  return networkOf(network)?.check(plain, version === 4 ? 'ipv4' : 'ipv6') === true;
}

function networkOf(text: string): BlockList | null {
  const [address = '', bits = ''] = text.split('/');
  const version = isIP(address);
  if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) {
    return null;
  }
  const list = new BlockList();
  list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return list;
}
