import { setTimeout as sleep } from 'node:timers/promises';
import {
  VaultError,
  type RevocationRequest,
  type RevocationResult,
  type VaultReaper,
} from '../../app/vault-ports.ts';
import type { VaultClient } from './client.ts';
import { VaultHttpError } from './errors.ts';
import { createReaperLogin, type ReaperIdentity } from './reaper-identity.ts';
import type { VaultSettings } from './settings.ts';
import { createVaultTransport } from './transport.ts';

// Vault undoes the leases of a revoked token behind the caller's back, usually within a tenth of a second: the first look
// comes after 10 ms more, the last after some two seconds.
const firstLookMs = 10;
const longestLookMs = 400;
const mostLooks = 11;

/**
 * The watchdog's way into Vault: an identity that can revoke and list, and can read no credential.
 *
 * @throws ConfigurationError when the environment or the settings are unsafe, or a file of the identity cannot be read.
 */
export function createVaultReaper(
  settings: VaultSettings,
  identity: ReaperIdentity,
  environment: NodeJS.ProcessEnv = process.env,
): VaultReaper {
  const transport = createVaultTransport(settings, environment);
  const login = createReaperLogin(settings, identity, { transport, environment });

  return {
    async revokeSession(request) {
      const failures: string[] = [];
      let retryAfterSeconds = 0;
      const attempt = async (work: () => Promise<unknown>) => {
        try {
          await work();
        } catch (error) {
          // Kept for the result: one step that fails must not keep the next from revoking what it can.
          failures.push(error instanceof Error ? error.message : 'unknown failure');
          if (error instanceof VaultError) {
            retryAfterSeconds = Math.max(retryAfterSeconds, error.retryAfterSeconds ?? 0);
          }
        }
      };
      let remaining: RevocationResult['remaining'] = { tokens: null, leases: null };
      await attempt(async () => {
        const client = await login();
        for (const step of revocations(client, request)) await attempt(step);
        await attempt(async () => {
          remaining = await lookUntilGone(client, request);
        });
        await attempt(() => client.write('auth/token/revoke-self', {}));
      });
      return {
        clean: remaining.tokens === 0 && remaining.leases === 0,
        remaining,
        ...(failures.length === 0 ? {} : { error: failures.join('; ') }),
        ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
      };
    },

    async look(request) {
      const client = await login();
      try {
        return await countLeft(client, request);
      } finally {
        await client.write('auth/token/revoke-self', {});
      }
    },
  };
}

function revocations(client: VaultClient, request: RevocationRequest): (() => Promise<unknown>)[] {
  const { accessor, leaseIds } = request;
  return [
    // Leases first and with sync, so that Vault answers only when the database role is gone.
    ...leaseIds.map((id) => () => client.write('sys/leases/revoke', { lease_id: id, sync: true })),
    ...(accessor === null ? [] : [() => revokeAccessor(client, accessor)]),
    ...[tokenPrefix(request), ...request.leasePrefixes].map(
      (prefix) => () => client.write(`sys/leases/revoke-prefix/${prefix}`, { sync: true }),
    ),
  ];
}

async function revokeAccessor(client: VaultClient, accessor: string): Promise<void> {
  try {
    await client.write('auth/token/revoke-accessor', { accessor });
  } catch (error) {
    // Vault says so of a token that is gone already, which is what was asked for; OpenBao answers 200.
    const isGone =
      error instanceof VaultHttpError &&
      error.status === 400 &&
      error.reasons.some((reason) => reason.includes('invalid accessor'));
    if (!isGone) throw error;
  }
}

async function lookUntilGone(
  client: VaultClient,
  request: RevocationRequest,
): Promise<{ tokens: number; leases: number }> {
  for (let look = 1; ; look += 1) {
    const left = await countLeft(client, request);
    if ((left.tokens === 0 && left.leases === 0) || look === mostLooks) return left;
    await sleep(Math.min(firstLookMs * 2 ** (look - 1), longestLookMs));
  }
}

async function countLeft(
  client: VaultClient,
  request: RevocationRequest,
): Promise<{ tokens: number; leases: number }> {
  const countBelow = async (prefix: string): Promise<number> =>
    (await client.list(`sys/leases/lookup/${prefix}/`)).length;
  const tokens = await countBelow(tokenPrefix(request));
  let leases = 0;
  for (const prefix of request.leasePrefixes) leases += await countBelow(prefix);
  return { tokens, leases };
}

function tokenPrefix({ jwtMount }: RevocationRequest): string {
  return `auth/${jwtMount}/login`;
}
