/**
 * The AWS secrets engine, in the form that Airlock uses: temporary credentials of STS. Their lease ends in Vault and nowhere
 * else, since AWS has no call that takes such a credential back. No AWS is asked here: keys are made up.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  TextList,
  Ttl,
  answer,
  noContent,
  randomName,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Leases } from '../leases.ts';

const Root = z.object({
  access_key: z.string().default(''),
  secret_key: z.string().default(''),
  region: z.string().default(''),
});
const Role = z.strictObject({
  credential_type: z.enum(['assumed_role', 'federation_token'], {
    error: 'this stand-in knows credential_type assumed_role and federation_token only',
  }),
  role_arns: TextList.default([]),
  policy_arns: TextList.default([]),
  policy_document: z.string().default(''),
  default_sts_ttl: Ttl.default(0),
  max_sts_ttl: Ttl.default(0),
});
type Role = z.infer<typeof Role>;
const Request = z.object({ ttl: Ttl.default(0), role_arn: z.string().default('') });

/** What AWS gives when nothing is asked for, and the least that it gives at all. */
const usualSeconds = 3600;
const leastSeconds = 900;

export function createAwsEngine({ mount, leases }: { mount: string; leases: Leases }): Backend {
  const roles = new Map<string, Role>();
  let root: z.infer<typeof Root> | null = null;

  function issue(kind: string, name: string, { operation, body, query, token }: Call): Reply {
    if (token === null) throw new ApiFailure(403, 'permission denied');
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(400, `Role '${name}' not found`);
    const { ttl: asked } = readBody(
      Request,
      operation === 'read' ? Object.fromEntries(query) : body,
    );
    const wanted = asked || role.default_sts_ttl || usualSeconds;
    const ttlSeconds = role.max_sts_ttl > 0 ? Math.min(wanted, role.max_sts_ttl) : wanted;
    if (ttlSeconds < leastSeconds) {
      throw new ApiFailure(
        400,
        `Error assuming role: ValidationError: 1 validation error detected: Value '${ttlSeconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to ${leastSeconds}`,
      );
    }
    const path = `${mount}/${kind}/${name}`;
    const lease = leases.add({
      id: `${path}/${randomName(24)}`,
      path,
      tokenId: token.id,
      ttlSeconds,
      renewable: false,
      // Vault forgets it; AWS goes on taking it until its time is over.
      undo: () => Promise.resolve(),
    });
    return answer({
      lease_id: lease.id,
      renewable: false,
      lease_duration: ttlSeconds,
      data: {
        access_key: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secret_key: randomBytes(30).toString('base64'),
        security_token: randomBytes(96).toString('base64'),
      },
    });
  }

  function roleCall(name: string, { operation, body }: Call): Reply {
    if (operation === 'update') {
      roles.set(name, readBody(Role, body));
      return noContent;
    }
    if (operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    if (operation !== 'read') throw unsupportedOperation();
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: role });
  }

  return (call) => {
    const { operation, path, body } = call;
    if (path === 'config/root') {
      if (operation === 'update') {
        root = readBody(Root, body);
        return noContent;
      }
      if (operation !== 'read') throw unsupportedOperation();
      if (root === null) throw new ApiFailure(404);
      // The secret key is written and never read back, as in Vault.
      return answer({ data: { access_key: root.access_key, region: root.region } });
    }
    const [, kind = '', name] = /^(roles|creds|sts)\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) throw unsupportedPath();
    if (kind === 'roles') return roleCall(name, call);
    if (operation !== 'read' && operation !== 'update') throw unsupportedOperation();
    return issue(kind, name, call);
  };
}
