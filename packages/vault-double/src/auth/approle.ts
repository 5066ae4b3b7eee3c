import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  ApiFailure,
  Ttl,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Profile } from '../profile.ts';
import { TokenFields, termsOf } from './token-fields.ts';
import { authAnswer } from '../token-answers.ts';
import type { Tokens } from '../tokens.ts';

// Strict: a restriction that is not imitated is refused and not ignored.
const Role = z.strictObject({
  bind_secret_id: z.literal(true).default(true),
  secret_id_ttl: Ttl.default(0),
  secret_id_num_uses: z.int().min(0).default(0),
  ...TokenFields.shape,
});
type SecretId = { accessor: string; usesLeft: number | null; expiresAt: number | null };
type Role = { id: string; terms: z.infer<typeof Role>; secretIds: Map<string, SecretId> };

/** The AppRole auth method: a role id and a secret id, which together log in. */
export function createAppRoleAuth({
  mount,
  clock,
  tokens,
  profile,
}: {
  mount: string;
  clock: Clock;
  tokens: Tokens;
  profile: Profile;
}): Backend {
  const roles = new Map<string, Role>();

  function login(body: Record<string, unknown>) {
    const request = readBody(
      z.object({ role_id: z.string().default(''), secret_id: z.string().default('') }),
      body,
    );
    if (request.role_id === '') throw new ApiFailure(400, 'missing role_id');
    if (request.secret_id === '') throw new ApiFailure(400, 'missing secret_id');
    const entry = [...roles].find(([, role]) => role.id === request.role_id);
    if (entry === undefined) throw new ApiFailure(400, profile.wrongRoleId);
    const [name, role] = entry;
    const secretId = role.secretIds.get(request.secret_id);
    if (
      secretId === undefined ||
      (secretId.expiresAt !== null && secretId.expiresAt <= clock.now())
    ) {
      throw new ApiFailure(400, profile.wrongSecretId);
    }
    if (secretId.usesLeft !== null) {
      secretId.usesLeft -= 1;
      if (secretId.usesLeft === 0) role.secretIds.delete(request.secret_id);
    }
    return authAnswer(
      tokens.create({
        path: `auth/${mount}/login`,
        displayName: mount,
        metadata: { role_name: name },
        terms: termsOf(role.terms),
        parent: null,
      }),
    );
  }

  function issueSecretId(role: Role) {
    const secretId = randomUUID();
    const accessor = randomUUID();
    const { secret_id_ttl: ttl, secret_id_num_uses: uses } = role.terms;
    role.secretIds.set(secretId, {
      accessor,
      usesLeft: uses === 0 ? null : uses,
      expiresAt: ttl === 0 ? null : clock.now() + ttl * 1000,
    });
    return answer({
      data: {
        secret_id: secretId,
        secret_id_accessor: accessor,
        secret_id_ttl: ttl,
        secret_id_num_uses: uses,
      },
    });
  }

  const backend: Backend = ({ operation, path, body }) => {
    if (path === 'login') {
      if (operation !== 'update') throw unsupportedOperation();
      return login(body);
    }
    const match = /^role\/([^/]+)(?:\/(role-id|secret-id))?$/.exec(path);
    const [, name, part] = match ?? [];
    if (name === undefined) throw unsupportedPath();
    const role = roles.get(name);
    if (part === undefined && operation === 'update') {
      roles.set(name, {
        id: role?.id ?? randomUUID(),
        secretIds: role?.secretIds ?? new Map<string, SecretId>(),
        terms: readBody(Role, body),
      });
      return noContent;
    }
    if (part === undefined && operation === 'delete') {
      roles.delete(name);
      return noContent;
    }
    if (part === 'secret-id' && operation === 'update') {
      if (role === undefined) {
        throw new ApiFailure(profile.absentAppRole, `role "${name}" does not exist`);
      }
      return issueSecretId(role);
    }
    if (operation !== 'read' || part === 'secret-id') throw unsupportedOperation();
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: part === 'role-id' ? { role_id: role.id } : role.terms });
  };
  return Object.assign(backend, { isOpen: (path: string) => path === 'login' });
}
