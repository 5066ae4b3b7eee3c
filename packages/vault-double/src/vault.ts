/** The parts of the stand-in behind its listener, put together: tokens, leases, policies, and what is mounted where. */
import { createAccess } from './access.ts';
import { parsePolicy } from './acl.ts';
import type { AuditedRequest } from './audit.ts';
import { createAuthMethod } from './auth/catalog.ts';
import { createTokenAuth } from './auth/token.ts';
import type { Backend } from './backend.ts';
import type { Clock } from './clock.ts';
import { createEngine } from './engines/catalog.ts';
import type { Faults } from './faults.ts';
import { createLeases } from './leases.ts';
import type { Profile } from './profile.ts';
import { createQuotas } from './quotas.ts';
import { type MountTable, type PolicyTable, createSystem } from './system.ts';
import { createTokens } from './tokens.ts';
import { createWrapping, wrappingPolicy } from './wrapping.ts';

/** What a real server's `default` allows, of the paths that are known here. */
const defaultPolicy = JSON.stringify({
  path: {
    'auth/token/lookup-self': { capabilities: ['read'] },
    'auth/token/renew-self': { capabilities: ['update'] },
    'auth/token/revoke-self': { capabilities: ['update'] },
    'sys/capabilities-self': { capabilities: ['update'] },
    'sys/leases/lookup': { capabilities: ['update'] },
    'sys/wrapping/wrap': { capabilities: ['update'] },
    'sys/wrapping/lookup': { capabilities: ['update'] },
    'sys/wrapping/unwrap': { capabilities: ['update'] },
  },
});

export type Place = {
  backend: Backend;
  /** The path below the mount. */
  rest: string;
  mount: NonNullable<AuditedRequest['mount']>;
};

export type Vault = ReturnType<typeof createVault>;

export function createVault({
  clock,
  profile,
  faults,
  rootToken,
  random,
}: {
  clock: Clock;
  profile: Profile;
  faults: Faults;
  rootToken: string;
  /** From 0 up to 1: where in its range a wait between two tries to undo a lease lies. */
  random: () => number;
}) {
  const leases = createLeases({
    clock,
    isSealed: () => faults.sealed,
    random,
  });
  const tokens = createTokens({ clock, leases, rootToken, prefix: profile.tokenPrefix });
  const quotas = createQuotas({ clock, isMounted: (path) => locate(`${path}/`) !== null });
  const policies: PolicyTable = new Map(
    Object.entries({ default: defaultPolicy, 'response-wrapping': wrappingPolicy }).map(
      ([name, text]) => [name, { text, policy: parsePolicy(text) }],
    ),
  );
  const access = createAccess({ tokens, policies, profile });
  const wrapping = createWrapping({ tokens });
  const secretMounts: MountTable = new Map();
  const authMounts: MountTable = new Map([
    [
      'token',
      {
        type: 'token',
        description: '',
        options: {},
        backend: createTokenAuth({ tokens, clock, profile, hasSudo: access.hasSudo }),
      },
    ],
  ]);
  const system = createSystem({
    clock,
    leases,
    profile,
    isRevocationLazy: () => faults.lazyRevocation,
    quotas: quotas.backend,
    wrapping: wrapping.backend,
    capabilities: access.capabilities,
    policies,
    secretMounts,
    authMounts,
    makeSecretBackend: (type, mount, mountOptions) =>
      createEngine({
        type,
        mount,
        options: mountOptions,
        clock,
        leases,
        profile,
        isDatabaseReachable: () => !faults.databaseDown,
      }),
    makeAuthBackend: (type, mount) => createAuthMethod(type, { mount, clock, tokens, profile }),
  });

  /** Null when nothing is mounted there. */
  function locate(path: string): Place | null {
    if (path.startsWith('sys/')) {
      const mount = { point: 'sys/', type: 'system', class: 'secret' } as const;
      return { backend: system, rest: path.slice(4), mount };
    }
    const inAuth = path.startsWith('auth/');
    const local = inAuth ? path.slice(5) : path;
    const found = [...(inAuth ? authMounts : secretMounts)]
      .filter(([name]) => local.startsWith(`${name}/`))
      .sort(([a], [b]) => b.length - a.length)[0];
    if (found === undefined) return null;
    const [name, { backend, type }] = found;
    return {
      backend,
      rest: local.slice(name.length + 1),
      mount: inAuth
        ? { point: `auth/${name}/`, type, class: 'auth' }
        : { point: `${name}/`, type, class: 'secret' },
    };
  }

  return { access, leases, locate, quotas, tokens, wrapping };
}
