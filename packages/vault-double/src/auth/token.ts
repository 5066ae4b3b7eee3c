/** `auth/token`: making, looking up, renewing and revoking service tokens, also by role. */
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  TextList,
  Ttl,
  answer,
  multierror,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Profile } from '../profile.ts';
import { authAnswer, describeToken } from '../token-answers.ts';
import type { Token, Tokens } from '../tokens.ts';
import { type TokenRole, createTokenRoles, rolePolicies } from './token-roles.ts';

const Create = z.object({
  policies: TextList.default([]),
  ttl: Ttl.default(0),
  explicit_max_ttl: Ttl.default(0),
  num_uses: z.int().default(0),
  renewable: z.boolean().default(true),
  no_parent: z.boolean().default(false),
  no_default_policy: z.boolean().default(false),
  display_name: z.string().default(''),
  meta: z.record(z.string(), z.string()).default({}),
  type: z
    .enum(['', 'service'], { error: 'this stand-in has service tokens only, no batch tokens' })
    .default(''),
  id: z.literal('', { error: 'this stand-in makes up the ids of tokens itself' }).default(''),
  period: z.literal('', { error: 'this stand-in has no periodic tokens' }).default(''),
});
type Create = z.infer<typeof Create>;
const ByAccessor = z.object({ accessor: z.string().default('') });
const ByToken = z.object({ token: z.string().default('') });
const Renew = z.object({ increment: Ttl.default(0) });

export function createTokenAuth({
  tokens,
  clock,
  profile,
  hasSudo,
}: {
  tokens: Tokens;
  clock: Clock;
  profile: Profile;
  /** Whether that token is root or may do everything at that path. */
  hasSudo: (token: Token, path: string) => boolean;
}): Backend {
  const roles = createTokenRoles();
  const describe = (token: Token, withId: boolean) =>
    describeToken(token, { withId, now: clock.now() });

  function create(caller: Token, body: Record<string, unknown>, isOrphan: boolean): Reply {
    const request = readBody(Create, body);
    const path = isOrphan ? 'auth/token/create-orphan' : 'auth/token/create';
    const isPrivileged = hasSudo(caller, path);
    if (request.no_parent && !isPrivileged) {
      throw new ApiFailure(400, 'root or sudo privileges required to create orphan token');
    }
    const asked = request.policies.length === 0 ? caller.policies : request.policies;
    if (!isPrivileged && !asked.every((policy) => caller.policies.includes(policy))) {
      throw new ApiFailure(400, 'child policies must be subset of parent');
    }
    const inheritsDefault = isPrivileged || caller.policies.includes('default');
    return make(caller, request, {
      path,
      policies: asked,
      noDefaultPolicy: request.no_default_policy || !inheritsDefault,
      isOrphan: isOrphan || request.no_parent,
      role: null,
    });
  }

  function createByRole(caller: Token, name: string, body: Record<string, unknown>): Reply {
    const role = roles.find(name);
    if (role === undefined) throw new ApiFailure(400, `unknown role ${name}`);
    const request = readBody(Create, body);
    const noDefaultPolicy = request.no_default_policy || role.token_no_default_policy;
    return make(caller, request, {
      path: `auth/token/create/${name}`,
      policies: rolePolicies(role, { asked: request.policies, caller, noDefaultPolicy }),
      noDefaultPolicy,
      isOrphan: role.orphan,
      role,
    });
  }

  function make(
    caller: Token,
    request: Create,
    how: {
      path: string;
      policies: readonly string[];
      noDefaultPolicy: boolean;
      isOrphan: boolean;
      role: TokenRole | null;
    },
  ): Reply {
    const { role } = how;
    if (request.ttl < 0) throw new ApiFailure(400, 'ttl must be positive');
    if (request.num_uses < 0) throw new ApiFailure(400, 'number of uses cannot be negative');
    if (how.policies.includes('root') && !caller.policies.includes('root')) {
      throw new ApiFailure(400, 'root tokens may not be created without parent token being root');
    }
    if (!how.isOrphan && caller.isEnding) {
      throw new ApiFailure(400, 'parent token lookup failed: no parent found');
    }
    const bounds = [request.explicit_max_ttl, role?.token_explicit_max_ttl ?? 0];
    const uses = [request.num_uses, role?.token_num_uses ?? 0].filter((count) => count > 0);
    return authAnswer(
      tokens.create({
        path: how.path,
        displayName: request.display_name === '' ? 'token' : `token-${request.display_name}`,
        metadata: request.meta,
        terms: {
          policies: how.policies,
          ttlSeconds: request.ttl,
          maxTtlSeconds: 0,
          explicitMaxTtlSeconds: Math.min(...bounds.filter((bound) => bound > 0), Infinity) || 0,
          noDefaultPolicy: how.noDefaultPolicy,
          renewable: request.renewable && role?.renewable !== false,
          numUses: uses.length === 0 ? 0 : Math.min(...uses),
          boundCidrs: role?.token_bound_cidrs ?? [],
        },
        parent: how.isOrphan ? null : caller.id,
      }),
    );
  }

  function named(body: Record<string, unknown>): Token | undefined {
    return tokens.find(readBody(ByToken, body).token);
  }

  async function revokeByAccessor(body: Record<string, unknown>): Promise<Reply> {
    const found = byAccessor(body);
    if (found === undefined) {
      if (profile.absentAccessor === 'warned') {
        return answer({ warnings: ['No token found with this accessor'] });
      }
      throw new ApiFailure(400, multierror('invalid accessor'));
    }
    await tokens.revoke(found);
    return noContent;
  }

  function byAccessor(body: Record<string, unknown>): Token | undefined {
    const { accessor } = readBody(ByAccessor, body);
    if (accessor === '') throw new ApiFailure(400, multierror('missing accessor'));
    return tokens.findByAccessor(accessor);
  }

  async function revoke(body: Record<string, unknown>): Promise<Reply> {
    if (readBody(ByToken, body).token === '') throw new ApiFailure(400, 'missing token ID');
    const found = named(body);
    if (found !== undefined) await tokens.revoke(found);
    return noContent;
  }

  async function update(caller: Token, { path, body }: Call): Promise<Reply> {
    const [, roleName] = /^create\/([^/]+)$/.exec(path) ?? [];
    if (roleName !== undefined) return createByRole(caller, roleName, body);
    switch (path) {
      case 'create':
      case 'create-orphan':
        return create(caller, body, path === 'create-orphan');
      case 'lookup': {
        const found = readBody(ByToken, body).token === '' ? caller : named(body);
        if (found === undefined) throw new ApiFailure(403, 'bad token');
        return describe(found, true);
      }
      case 'lookup-accessor': {
        const found = byAccessor(body);
        if (found === undefined) throw new ApiFailure(400, multierror('invalid accessor'));
        return describe(found, false);
      }
      case 'renew-self': {
        const warnings = tokens.renew(caller, readBody(Renew, body).increment);
        return authAnswer({ token: caller, warnings });
      }
      case 'revoke-self':
        await tokens.revoke(caller);
        return noContent;
      case 'revoke':
        return revoke(body);
      case 'revoke-orphan': {
        if (!hasSudo(caller, 'auth/token/revoke-orphan')) {
          throw new ApiFailure(400, 'root or sudo privileges required to revoke and orphan');
        }
        const found = named(body);
        if (found === undefined) throw new ApiFailure(400, 'token to revoke not found');
        await tokens.revokeOrphaning(found);
        return noContent;
      }
      case 'revoke-accessor':
        return revokeByAccessor(body);
      default:
        throw unsupportedPath();
    }
  }

  return async (call) => {
    const { operation, path, token } = call;
    if (token === null) throw new ApiFailure(403, 'permission denied');
    if (path === 'roles' || path.startsWith('roles/')) {
      return roles.backend({ ...call, path: path.slice('roles/'.length) });
    }
    if (operation === 'list' && /^accessors\/?$/.test(path)) {
      return answer({ data: { keys: tokens.all().map(({ accessor }) => accessor) } });
    }
    if (operation === 'read' && path === 'lookup-self') return describe(token, true);
    if (operation !== 'update') throw unsupportedOperation();
    return update(token, call);
  };
}
