import { z } from 'zod';
import {
  ApiFailure,
  TextList,
  Ttl,
  multierror,
  noContent,
  answer,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Profile } from '../profile.ts';
import { type Tokens, authAnswer } from '../tokens.ts';

const Create = z.object({
  policies: TextList.default([]),
  ttl: Ttl.default(0),
  explicit_max_ttl: Ttl.default(0),
  no_parent: z.boolean().default(false),
  no_default_policy: z.boolean().default(false),
  display_name: z.string().default(''),
  meta: z.record(z.string(), z.string()).default({}),
});
const ByAccessor = z.object({ accessor: z.string().default('') });

/** `auth/token`: look-ups, revocation and plain creation; no token roles. */
export function createTokenAuth({
  tokens,
  profile,
}: {
  tokens: Tokens;
  profile: Profile;
}): Backend {
  function create({ token, body }: Call) {
    if (token === null) throw new ApiFailure(403, 'permission denied');
    const request = readBody(Create, body);
    const isRoot = token.policies.includes('root');
    if (!isRoot && !request.policies.every((policy) => token.policies.includes(policy))) {
      throw new ApiFailure(400, 'child policies must be subset of parent');
    }
    if (request.no_parent && !isRoot) {
      throw new ApiFailure(400, 'root or sudo privileges required to create orphan token');
    }
    return authAnswer(
      tokens.create({
        path: 'auth/token/create',
        displayName: request.display_name === '' ? 'token' : `token-${request.display_name}`,
        metadata: request.meta,
        terms: {
          policies: request.policies.length === 0 ? token.policies : request.policies,
          ttlSeconds: request.ttl,
          maxTtlSeconds: 0,
          explicitMaxTtlSeconds: request.explicit_max_ttl,
          noDefaultPolicy: request.no_default_policy,
        },
        parent: request.no_parent ? null : token.id,
      }),
    );
  }

  async function call(request: Call) {
    const { operation, path, body, token } = request;
    if (path === 'lookup-self' && token !== null) {
      return operation === 'list'
        ? Promise.reject(unsupportedOperation())
        : tokens.describe(token, true);
    }
    if (operation !== 'update') throw unsupportedOperation();
    switch (path) {
      case 'create':
        return create(request);
      case 'revoke-self':
        if (token !== null) await tokens.revoke(token);
        return noContent;
      case 'lookup-accessor': {
        const found = tokens.findByAccessor(readBody(ByAccessor, body).accessor);
        if (found === undefined) throw new ApiFailure(400, multierror('invalid accessor'));
        return tokens.describe(found, false);
      }
      case 'revoke-accessor': {
        const found = tokens.findByAccessor(readBody(ByAccessor, body).accessor);
        if (found === undefined) {
          if (profile.absentAccessor === 'warned') {
            return answer({ warnings: ['No token found with this accessor'] });
          }
          throw new ApiFailure(400, multierror('invalid accessor'));
        }
        await tokens.revoke(found);
        return noContent;
      }
      default:
        throw unsupportedPath();
    }
  }
  return call;
}
