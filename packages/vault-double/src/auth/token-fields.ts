/** The `token_*` fields that every auth role has. */
import { z } from 'zod';
import { TextList, Ttl } from '../api.ts';
import type { TokenTerms } from '../tokens.ts';

export const TokenFields = z.object({
  token_policies: TextList.default([]),
  token_no_default_policy: z.boolean().default(false),
  token_ttl: Ttl.default(0),
  token_max_ttl: Ttl.default(0),
  token_explicit_max_ttl: Ttl.default(0),
  token_num_uses: z.int().min(0).default(0),
  token_bound_cidrs: TextList.default([]),
  token_period: z.literal(0, { error: 'this stand-in knows token_period 0 only' }).default(0),
  token_type: z
    .enum(['default', 'service', 'default-service'], {
      error: 'this stand-in has service tokens only, no batch tokens',
    })
    .default('default'),
});

export function termsOf(role: z.infer<typeof TokenFields>): TokenTerms {
  return {
    policies: role.token_policies,
    ttlSeconds: role.token_ttl,
    maxTtlSeconds: role.token_max_ttl,
    explicitMaxTtlSeconds: role.token_explicit_max_ttl,
    noDefaultPolicy: role.token_no_default_policy,
    numUses: role.token_num_uses,
    boundCidrs: role.token_bound_cidrs,
  };
}
