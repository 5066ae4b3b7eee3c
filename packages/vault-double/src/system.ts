/** The `sys/` paths: mounts, auth methods, policies, leases. */
import { z } from 'zod';
import { type Policy, parsePolicy } from './acl.ts';
import {
  ApiFailure,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from './api.ts';
import type { Backend, Call } from './backend.ts';
import type { Clock } from './clock.ts';
import type { Leases } from './leases.ts';
import type { Profile } from './profile.ts';

export type Mount = {
  type: string;
  description: string;
  options: Readonly<Record<string, string>>;
  backend: Backend;
};
/** Mounted backends by path without trailing slash. */
export type MountTable = Map<string, Mount>;

/** Policies by name: the text as written, and what it means. */
export type PolicyTable = Map<string, { text: string; policy: Policy }>;

const Enable = z.object({
  type: z.string(),
  description: z.string().default(''),
  options: z.record(z.string(), z.string()).nullish(),
});
// Strict: what is not imitated is refused and not ignored.
const Tune = z.strictObject({
  user_lockout_config: z.strictObject({ lockout_disable: z.boolean() }),
});
type MakeBackend = (type: string, mount: string, options: Record<string, string>) => Backend;
const LeaseId = z.object({ lease_id: z.string().default(''), sync: z.boolean().default(true) });

export function createSystem({
  clock,
  leases,
  profile,
  isRevocationLazy,
  quotas,
  wrapping,
  capabilities,
  policies,
  secretMounts,
  authMounts,
  makeSecretBackend,
  makeAuthBackend,
}: {
  clock: Clock;
  leases: Leases;
  profile: Profile;
  /** While true no revocation is waited for, whatever was asked. */
  isRevocationLazy: () => boolean;
  quotas: Backend;
  wrapping: Backend;
  capabilities: Backend;
  policies: PolicyTable;
  secretMounts: MountTable;
  authMounts: MountTable;
  makeSecretBackend: MakeBackend;
  makeAuthBackend: MakeBackend;
}): Backend {
  function mountsAt(table: MountTable, prefix: string, make: MakeBackend): Backend {
    return async (call) => {
      const { operation, path, body } = call;
      if (path === '') {
        if (operation !== 'read') throw unsupportedOperation();
        const data = Object.fromEntries(
          [...table].map(([mount, { type, description, options }]) => [
            `${mount}/`,
            { type, description, options },
          ]),
        );
        return answer({ data });
      }
      const tuned = /^(.+)\/tune$/.exec(path)?.[1];
      if (tuned !== undefined) return tune(table.get(tuned)?.backend, call);
      const mount = path.replace(/\/$/, '');
      if (operation === 'delete') {
        for (const lease of leases.below(`${prefix}${mount}`)) await undoLease(lease);
        table.delete(mount);
        return noContent;
      }
      if (operation !== 'update') throw unsupportedOperation();
      if (table.has(mount)) throw new ApiFailure(400, `path is already in use at ${mount}/`);
      const { type, description, options } = readBody(Enable, body);
      table.set(mount, {
        // The second version of the key-value engine is an option of the first, whatever it was mounted as.
        type: type === 'kv-v2' ? 'kv' : type,
        description,
        options: type === 'kv-v2' ? { version: '2' } : (options ?? {}),
        backend: make(type, mount, options ?? {}),
      });
      return noContent;
    };
  }

  function tune(backend: Backend | undefined, { operation, body }: Call) {
    if (operation !== 'update' || backend?.tune === undefined) throw unsupportedOperation();
    const { user_lockout_config: lockout } = readBody(Tune, body);
    backend.tune({ isLockoutDisabled: lockout.lockout_disable });
    return noContent;
  }

  const policyCalls: Backend = ({ operation, path: name, body }) => {
    if (operation === 'list' || (name === '' && operation === 'read')) {
      return answer({ data: { keys: [...policies.keys(), 'root'].sort() } });
    }
    if (operation === 'update') {
      const { policy: text } = readBody(z.object({ policy: z.string().default('') }), body);
      if (name === 'root') throw new ApiFailure(400, 'cannot update "root" policy');
      if (text === '') throw new ApiFailure(400, "'policy' parameter not supplied or empty");
      policies.set(name, { text, policy: parsePolicy(text) });
      return noContent;
    }
    if (operation === 'delete') {
      if (name === 'root' || name === 'default') {
        throw new ApiFailure(400, `cannot delete "${name}" policy`);
      }
      policies.delete(name);
      return noContent;
    }
    const found = policies.get(name);
    if (found === undefined) throw new ApiFailure(404);
    return answer({ data: { name, policy: found.text } });
  };

  async function undoLease(lease: ReturnType<Leases['all']>[number]): Promise<void> {
    try {
      await leases.revoke(lease);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      throw new ApiFailure(
        400,
        `failed to revoke entry: resp: (*logical.Response)(nil) err: ${reason}`,
      );
    }
  }

  /** What Vault gave up on, and only that: asking without `type=irrevocable` is not found. */
  function irrevocable({ operation, path, query }: Call) {
    if (operation !== 'read') throw unsupportedOperation();
    if (query.get('type') !== 'irrevocable') throw new ApiFailure(404);
    const left = leases.all().filter((lease) => lease.irrevocable);
    if (path === '') {
      const named = left.map(({ id, failure }) => ({ lease_id: id, error: failure }));
      return answer({ data: { lease_count: left.length, leases: named } });
    }
    const counts: Record<string, number> = {};
    for (const { path: from } of left) {
      const mount = `${from.split('/')[0] ?? ''}/`;
      counts[mount] = (counts[mount] ?? 0) + 1;
    }
    return answer({ data: { lease_count: left.length, counts } });
  }

  const leaseCalls: Backend = async (call) => {
    const { operation, path, body } = call;
    if (path === '' || path === 'count') return irrevocable(call);
    const [, prefix] = /^lookup\/(.+)$/.exec(path) ?? [];
    if (prefix !== undefined) {
      if (operation !== 'list') throw unsupportedOperation();
      const keys = leases.names(prefix);
      if (keys.length === 0) throw new ApiFailure(404);
      return answer({ data: { keys } });
    }
    if (operation !== 'update') throw unsupportedOperation();
    const [, revoked] = /^revoke-prefix\/(.+)$/.exec(path) ?? [];
    if (revoked !== undefined) {
      for (const lease of leases.below(revoked)) await undoLease(lease);
      return noContent;
    }
    const { lease_id: id, sync } = readBody(LeaseId, body);
    if (id === '') throw new ApiFailure(400, 'lease_id must be specified');
    const lease = leases.get(id);
    if (path === 'lookup') {
      if (lease === undefined) throw new ApiFailure(400, 'invalid lease');
      return answer({
        data: {
          id: lease.id,
          issue_time: new Date(lease.issuedAt).toISOString(),
          expire_time: new Date(lease.expiresAt).toISOString(),
          last_renewal: null,
          renewable: lease.renewable && lease.expiresAt > clock.now(),
          ttl: Math.max(0, Math.ceil((lease.expiresAt - clock.now()) / 1000)),
          ...(profile.leaseLookupHasPath ? { path: lease.path } : {}),
          ...(lease.irrevocable ? { revoke_error: lease.failure } : {}),
        },
      });
    }
    if (path === 'renew') {
      if (lease === undefined) throw new ApiFailure(400, 'lease not found');
      throw new ApiFailure(
        400,
        lease.renewable ? 'this stand-in renews no leases' : 'lease is not renewable',
      );
    }
    if (path !== 'revoke') throw unsupportedPath();
    if (!sync || isRevocationLazy()) {
      if (lease !== undefined) leases.revokeLater(lease);
      return { status: 202 };
    }
    // Revoking what is gone, or never was, succeeds: that is what makes it safe to repeat.
    if (lease !== undefined) await undoLease(lease);
    return noContent;
  };

  const parts: [string, Backend][] = [
    ['mounts', mountsAt(secretMounts, '', makeSecretBackend)],
    ['auth', mountsAt(authMounts, 'auth/', makeAuthBackend)],
    ['policies/acl', policyCalls],
    ['leases', leaseCalls],
    ['quotas', quotas],
    ['wrapping', wrapping],
  ];
  const partAt = (path: string) => {
    const found = parts.find(([name]) => path === name || path.startsWith(`${name}/`));
    return found === undefined
      ? null
      : { backend: found[1], rest: path.slice(found[0].length + 1) };
  };
  const backend: Backend = (call) => {
    if (/^capabilities(?:-self|-accessor)?$/.test(call.path)) return capabilities(call);
    const part = partAt(call.path);
    if (part === null) throw unsupportedPath();
    return part.backend({ ...call, path: part.rest });
  };
  return Object.assign(backend, {
    isOpen(path: string, call: Pick<Call, 'body' | 'tokenId'>) {
      const part = partAt(path);
      return part?.backend.isOpen?.(part.rest, call) === true;
    },
  });
}
