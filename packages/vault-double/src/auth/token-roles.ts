/** `auth/token/roles/…`: what a token made under a role may have at most. */
import { z } from 'zod';
import {
  ApiFailure,
  TextList,
  Ttl,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
} from '../api.ts';
import type { Backend } from '../backend.ts';
import type { Token } from '../tokens.ts';

// Strict: a limit that is not imitated is refused and not ignored.
const Role = z.strictObject({
  allowed_policies: TextList.default([]),
  disallowed_policies: TextList.default([]),
  orphan: z.boolean().default(false),
  renewable: z.boolean().default(true),
  token_explicit_max_ttl: Ttl.default(0),
  token_no_default_policy: z.boolean().default(false),
  token_num_uses: z.int().min(0).default(0),
  token_bound_cidrs: TextList.default([]),
  token_period: z.literal(0, { error: 'this stand-in knows token_period 0 only' }).default(0),
  token_type: z
    .enum(['default-service', 'service'], {
      error: 'this stand-in has service tokens only, no batch tokens',
    })
    .default('default-service'),
});
export type TokenRole = z.infer<typeof Role>;

export function createTokenRoles() {
  const roles = new Map<string, TokenRole>();

  const backend: Backend = ({ operation, path: name, body }) => {
    if (operation === 'list') {
      if (name !== '') throw unsupportedOperation();
      if (roles.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...roles.keys()].sort() } });
    }
    if (operation === 'update') {
      roles.set(name, readBody(Role, body));
      return noContent;
    }
    if (operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: { name, ...role } });
  };
  return { backend, find: (name: string) => roles.get(name) };
}

/**
 * The policies of a token made under the role.
 *
 * @throws ApiFailure 400 when a policy is asked for that the role does not allow.
 */
export function rolePolicies(
  role: TokenRole,
  request: { asked: readonly string[]; caller: Token; noDefaultPolicy: boolean },
): readonly string[] {
  const { asked, caller, noDefaultPolicy } = request;
  const withDefault = (names: readonly string[]) =>
    [...new Set([...(noDefaultPolicy ? [] : ['default']), ...names])].sort();
  const fallback = role.allowed_policies.length > 0 ? role.allowed_policies : caller.policies;
  const final = withDefault(asked.length > 0 ? asked : fallback);
  const allowed = withDefault(role.allowed_policies);
  if (role.allowed_policies.length > 0 && !final.every((name) => allowed.includes(name))) {
    throw new ApiFailure(
      400,
      `token policies (${goList(final)}) must be subset of the role's allowed policies (${goList(allowed)}) or glob policies ([])`,
    );
  }
  const refused = final.find((name) => role.disallowed_policies.includes(name));
  if (refused !== undefined) {
    throw new ApiFailure(400, `token policy "${refused}" is disallowed by this role`);
  }
  return final;
}

/** `["a" "b"]`, as Go writes a list of texts. */
function goList(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(name)).join(' ')}]`;
}
