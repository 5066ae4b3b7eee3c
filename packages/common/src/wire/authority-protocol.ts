/**
 * What the deliverer asks of the authority (HTTP over a unix socket with file permissions as access control).
 *
 *   POST /v1/mint   MintRequest → 200 MintedLogin | 409 problem delivery-not-allowed with every reason in `codes`
 *
 * The request carries ids only. The authority reads the promotion, its bundle, the approvals and the passkeys itself,
 * verifies every signature again, and mints at most one login for a session.
 */
import { z } from 'zod';
import { Timestamp } from './scalars.ts';

export const MintRequest = z.strictObject({ deliveryId: z.string(), sessionId: z.string() });
export type MintRequest = z.infer<typeof MintRequest>;

export const MintedLogin = z.strictObject({
  /** A compact JWS; never logged, never stored. */
  jwt: z.string(),
  mount: z.string(),
  role: z.string(),
  expiresAt: Timestamp,
});
export type MintedLogin = z.infer<typeof MintedLogin>;
