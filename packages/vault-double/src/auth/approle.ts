import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
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
import { createLockout } from './lockout.ts';
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
const NewSecretId = z.strictObject({
  ttl: Ttl.optional(),
  num_uses: z.int().min(0).optional(),
  metadata: z.string().optional(),
});
const ByAccessor = z.object({ secret_id_accessor: z.string().default('') });
type SecretId = { accessor: string; usesLeft: number | null; expiresAt: number | null };
type Role = { id: string; terms: z.infer<typeof Role>; secretIds: Map<string, SecretId> };

const sweepMilliseconds = 60_000;

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
  const lockout = createLockout({ clock, threshold: profile.lockoutThreshold });
  const enabledAt = clock.now();

  /** An expired secret id logs in until the server's next sweep: no login looks at its time. */
  function isSwept(secretId: SecretId): boolean {
    if (secretId.expiresAt === null) return false;
    const sweeps = Math.ceil((secretId.expiresAt - enabledAt) / sweepMilliseconds);
    return clock.now() >= enabledAt + sweeps * sweepMilliseconds;
  }

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
    if (lockout.isLocked(role.id)) throw new ApiFailure(403, 'permission denied');
    const secretId = role.secretIds.get(request.secret_id);
    if (secretId === undefined || isSwept(secretId)) {
      lockout.failed(role.id);
      throw new ApiFailure(400, profile.wrongSecretId);
    }
    lockout.succeeded(role.id);
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

  function issueSecretId(role: Role, body: Record<string, unknown>) {
    const wanted = readBody(NewSecretId, body);
    const secretId = randomUUID();
    const accessor = randomUUID();
    const ttl = wanted.ttl ?? role.terms.secret_id_ttl;
    const uses = wanted.num_uses ?? role.terms.secret_id_num_uses;
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

  function secretIdCall(name: string, { operation, body }: Call): Reply {
    const role = roles.get(name);
    const absent = `role "${name}" does not exist`;
    if (operation === 'update') {
      if (role === undefined) throw new ApiFailure(profile.absentAppRole, absent);
      return issueSecretId(role, body);
    }
    if (operation !== 'list') throw unsupportedOperation();
    if (role === undefined) throw new ApiFailure(400, absent);
    if (role.secretIds.size === 0) throw new ApiFailure(404);
    return answer({ data: { keys: [...role.secretIds.values()].map(({ accessor }) => accessor) } });
  }

  /** Takes a secret id back by what may be written down of it. */
  function destroy(name: string, { operation, body }: Call): Reply {
    if (operation !== 'update') throw unsupportedOperation();
    const { secret_id_accessor: accessor } = readBody(ByAccessor, body);
    if (accessor === '') throw new ApiFailure(400, 'missing secret_id_accessor');
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(500, multierror(`role "${name}" does not exist`));
    const found = [...role.secretIds].find(([, entry]) => entry.accessor === accessor);
    if (found === undefined) {
      throw new ApiFailure(
        500,
        multierror(`failed to find accessor entry for secret_id_accessor: "${accessor}"`),
      );
    }
    role.secretIds.delete(found[0]);
    return noContent;
  }

  function roleCall(name: string, { operation, body }: Call): Reply {
    const role = roles.get(name);
    switch (operation) {
      case 'update':
        roles.set(name, {
          id: role?.id ?? randomUUID(),
          secretIds: role?.secretIds ?? new Map<string, SecretId>(),
          terms: readBody(Role, body),
        });
        return noContent;
      case 'delete':
        roles.delete(name);
        return noContent;
      case 'list':
        throw unsupportedOperation();
      case 'read':
        if (role === undefined) throw new ApiFailure(404);
        return answer({ data: role.terms });
    }
  }

  function roleIdCall(name: string, { operation }: Call): Reply {
    if (operation !== 'read') throw unsupportedOperation();
    const role = roles.get(name);
    if (role === undefined) throw new ApiFailure(404);
    return answer({ data: { role_id: role.id } });
  }

  const calls: Record<string, (name: string, call: Call) => Reply> = {
    'role-id': roleIdCall,
    'secret-id': secretIdCall,
    'secret-id-accessor/destroy': destroy,
  };
  const backend: Backend = (call) => {
    const { operation, path, body } = call;
    if (path === 'login') {
      if (operation !== 'update') throw unsupportedOperation();
      return login(body);
    }
    if (path === 'role' || path === 'role/') {
      if (operation !== 'list') throw unsupportedOperation();
      if (roles.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...roles.keys()].sort() } });
    }
    const [, name, part] = /^role\/([^/]+)(?:\/(.+?))?\/?$/.exec(path) ?? [];
    if (name === undefined) throw unsupportedPath();
    const found = part === undefined ? roleCall : calls[part];
    if (found === undefined) throw unsupportedPath();
    return found(name, call);
  };
  return Object.assign(backend, {
    isOpen: (path: string) => path === 'login',
    tune({ isLockoutDisabled }: { isLockoutDisabled: boolean }) {
      lockout.setDisabled(isLockoutDisabled);
    },
  });
}
